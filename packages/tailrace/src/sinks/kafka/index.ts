/** Events to a topic of Kafka. */
import type { Sink, SinkContext } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import type { BrokerError, BrokerPublisher } from '../broker-error.ts';
import { brokerSink } from '../broker-sink.ts';
import { type KafkaReading, loadKafka, toBrokerError } from './driver.ts';
import { type KafkaOptions, type KafkaSettings, readKafkaOptions } from './options.ts';
import { KafkaPublisher } from './publisher.ts';
import { openTopic } from './topic.ts';

export { BrokerError, type BrokerErrorCode, type BrokerPublisher, type RefusedLine } from '../broker-error.ts';
export { MissingDriverError } from '../import-driver.ts';
export { type KafkaReading, kafkaErrorType } from './driver.ts';
export type { KafkaOptions, KafkaSaslOptions, KafkaSettings, KafkaTlsOptions } from './options.ts';

/**
 * Sends events to a topic of Kafka, from which a Tailrace server, or anybody else, reads them. Needs the package `kafkajs`.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'queue', sinks: [kafkaSink({ brokers: '127.0.0.1:9092' })] }] });
 * ```
 */
export function kafkaSink(options: KafkaOptions): SinkSpec {
  return { kind: 'builtin', name: 'kafka', options };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed. */
export async function createSink(options: unknown, context: SinkContext): Promise<Sink> {
  const settings = readKafkaOptions(options);
  return brokerSink(settings.name, new KafkaPublisher(settings, await loadKafka(settings)), context);
}

/**
 * The writing half on its own.
 *
 * @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed.
 */
export async function openKafkaPublisher(options: KafkaOptions): Promise<BrokerPublisher> {
  return (await openKafkaConnections(options)).publisher;
}

/** The writing half, and the client that it is made of: what a queue on Kafka needs. */
export interface KafkaConnections {
  readonly settings: KafkaSettings;
  readonly publisher: BrokerPublisher;
  /** The instance of the driver's class `Kafka`; `unknown`, so that nobody needs the driver's types who doesn't use it. */
  readonly client: unknown;
  /** Another one, for readers, which waits longer for a broker that is away. */
  readonly patientClient: unknown;
  /** Makes the topic where it isn't there and may be made. @throws BrokerError */
  readonly ensureTopic: () => Promise<void>;
  /** @param what - what was tried */
  readonly toBrokerError: (error: unknown, what: string) => BrokerError;
  /** The partitions of the topic that a member of a group has, as the broker describes it. */
  readonly partitionsOf: (memberAssignment: Buffer) => readonly number[];
}

/** @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed. */
export async function openKafkaConnections(
  options: KafkaOptions,
  reading: KafkaReading = {},
): Promise<KafkaConnections> {
  const settings = readKafkaOptions(options);
  const driver = await loadKafka(settings, reading);
  return {
    settings,
    publisher: new KafkaPublisher(settings, driver),
    client: driver.kafka,
    patientClient: driver.patientKafka,
    ensureTopic: () => openTopic(driver, settings),
    toBrokerError: (error, what) => toBrokerError(error, what, settings),
    partitionsOf: (memberAssignment) => driver.decodeAssignment(memberAssignment)?.assignment[settings.topic] ?? [],
  };
}
