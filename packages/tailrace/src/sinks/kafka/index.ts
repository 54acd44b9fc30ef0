/** Events to a topic of Kafka. */
import type { Sink, SinkContext } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import type { BrokerPublisher } from '../broker-error.ts';
import { brokerSink } from '../broker-sink.ts';
import { loadKafka } from './driver.ts';
import { type KafkaOptions, readKafkaOptions } from './options.ts';
import { KafkaPublisher } from './publisher.ts';

export { BrokerError, type BrokerErrorCode, type BrokerPublisher, type RefusedLine } from '../broker-error.ts';
export { MissingDriverError } from '../import-driver.ts';
export type { KafkaOptions, KafkaSaslOptions, KafkaTlsOptions } from './options.ts';

/**
 * Sends events to a topic of Kafka, from which a Tailrace server, or anybody else, reads them. Needs the package `kafkajs`.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'queue', sinks: [kafkaSink({ brokers: '127.0.0.1:9092' })] }] });
 * ```
 */
export function kafkaSink(options: KafkaOptions): SinkSpec {
  return {
    kind: 'module',
    name: options.name ?? 'kafka',
    module: import.meta.url,
    options,
    takesLedger: true,
  };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed. */
export async function createSink(options: unknown, context: SinkContext): Promise<Sink> {
  const settings = readKafkaOptions(options);
  return brokerSink(settings.name, new KafkaPublisher(settings, await loadKafka(settings, () => {})), context);
}

/**
 * The writing half on its own, as a server's queue uses it.
 *
 * @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed.
 */
export async function openKafkaPublisher(options: KafkaOptions): Promise<BrokerPublisher> {
  const settings = readKafkaOptions(options);
  return new KafkaPublisher(settings, await loadKafka(settings, () => {}));
}
