/**
 * The client for Kafka, loaded when it is needed: `kafkajs`. Its log goes where we say, and its errors become ours.
 */
import type * as kafkajs from 'kafkajs';
import { BrokerError, messageOf } from '../broker-error.ts';
import { importDriver } from '../import-driver.ts';
import { nameMemberOf } from './member-name.ts';
import type { KafkaSettings } from './options.ts';
import { letQueuesRest } from './resting-queue.ts';
import { connectForWholeResponses } from './whole-responses.ts';

export interface KafkaDriver {
  readonly kafka: kafkajs.Kafka;
  /**
   * The same for readers: it waits half a minute for a broker before it gives up. A reader that gave up sooner would come
   * back as a new member of its group, which has to wait for the session of the old one to end.
   */
  readonly patientKafka: kafkajs.Kafka;
  readonly partitioner: kafkajs.ICustomPartitioner;
  readonly compression: kafkajs.CompressionTypes;
  readonly decodeAssignment: (memberAssignment: Buffer) => kafkajs.MemberAssignment | null;
}

const CONNECT_MS = 3000;
const PATIENT_RETRIES = 30;
const LOG_LEVEL_ERROR = 1;
const NO_COMPRESSION = 0;
const GZIP = 1;

export interface KafkaReading {
  /** Hears each error that the readers' client would log. @defaultValue nobody does */
  readonly onError?: (message: string) => void;
  /**
   * The name under which the readers' client is a member of its groups, asked whenever it connects: at most 249 of
   * `a`–`z`, `A`–`Z`, `0`–`9`, `.`, `_` and `-`. @defaultValue it has none
   */
  readonly memberName?: () => string | undefined;
}

/** @throws MissingDriverError */
export async function loadKafka(settings: KafkaSettings, reading: KafkaReading = {}): Promise<KafkaDriver> {
  const driver = readModule(await importDriver('kafkajs', settings.askedBy));
  await letQueuesRest();
  const { sasl } = settings;
  const { onError = () => {}, memberName = () => undefined } = reading;
  const open = (
    retries: number,
    socketFactory: kafkajs.ISocketFactory,
    onLog: (entry: kafkajs.LogEntry) => void,
  ): kafkajs.Kafka =>
    new driver.Kafka({
      brokers: [...settings.brokers],
      clientId: settings.clientId,
      socketFactory,
      ssl: settings.ssl,
      ...(sasl !== undefined && { sasl: saslOf(sasl) }),
      connectionTimeout: CONNECT_MS,
      requestTimeout: Math.max(2 * CONNECT_MS, settings.publishTimeoutMs),
      retry: { initialRetryTime: 100, maxRetryTime: 1000, multiplier: 2, factor: 0.2, retries },
      logLevel: LOG_LEVEL_ERROR,
      logCreator: () => onLog,
    });
  return {
    kafka: open(triesOf(settings), connectForWholeResponses, () => {}),
    patientKafka: open(PATIENT_RETRIES, connectAs(memberName), ({ log }) => {
      const why: unknown = log.error;
      onError(typeof why === 'string' ? `${log.message}: ${why}` : log.message);
    }),
    partitioner: driver.Partitioners.DefaultPartitioner,
    compression: settings.compression === 'gzip' ? GZIP : NO_COMPRESSION,
    decodeAssignment: (bytes) => (bytes.length === 0 ? null : driver.AssignerProtocol.MemberAssignment.decode(bytes)),
  };
}

function connectAs(memberName: () => string | undefined): kafkajs.ISocketFactory {
  return (place) => {
    const socket = connectForWholeResponses(place);
    const name = memberName();
    if (name !== undefined) nameMemberOf(socket, name);
    return socket;
  };
}

/**
 * How often a connection is tried again: once for each broker that was named. Whoever publishes tries again by itself, and
 * should know soon that nobody is there.
 */
export function triesOf({ brokers }: Pick<KafkaSettings, 'brokers'>): number {
  return brokers.length;
}

/** The driver is CommonJS: its names are the module's own, or those of its default export. */
function readModule(module: unknown): typeof kafkajs {
  for (const candidate of [module, fieldOf(module, 'default')]) {
    if (isKafkaJs(candidate)) return candidate;
  }
  throw new TypeError('the package kafkajs has another shape than expected; version 2.2.4 or a later 2.x is wanted');
}

function isKafkaJs(module: unknown): module is typeof kafkajs {
  return typeof fieldOf(module, 'Kafka') === 'function' && fieldOf(module, 'Partitioners') !== undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function saslOf({ mechanism, username, password }: NonNullable<KafkaSettings['sasl']>): kafkajs.SASLOptions {
  // One literal each: the type of the driver tells them apart by it.
  if (mechanism === 'plain') return { mechanism, username, password };
  if (mechanism === 'scram-sha-256') return { mechanism, username, password };
  return { mechanism, username, password };
}

const NOT_ALLOWED = /AUTHORIZATION_FAILED|SASL|AUTHENTICATION|not authorized/i;

/** What went wrong, as the name of the protocol's error where there is one. */
export function kafkaErrorType(error: unknown): string | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth += 1) {
    const type = fieldOf(one, 'type') ?? fieldOf(fieldOf(one, 'originalError'), 'type');
    if (typeof type === 'string') return type;
  }
  return undefined;
}

/** @param what - what was tried: `publishing to topic tailrace-events` */
export function toBrokerError(error: unknown, what: string, settings: KafkaSettings): BrokerError {
  if (error instanceof BrokerError) return error;
  const type = kafkaErrorType(error);
  const said = messageOf(error);
  const where = `Kafka at ${settings.brokers.join(', ')}`;
  if (NOT_ALLOWED.test(type ?? said)) {
    return new BrokerError(
      'NOT_ALLOWED',
      `${where}: ${what} is not allowed: ${said}; look at the name, the password and the ACLs`,
      {
        cause: error,
      },
    );
  }
  const isAnswer = type !== undefined;
  const code = isAnswer ? 'FAILED' : 'UNREACHABLE';
  return new BrokerError(code, `${where}: ${what} failed: ${said}`, { cause: error });
}
