/**
 * Where events go, from the environment alone: the same variables as the server's.
 *
 * `STORAGE_TYPE` says where events end up; `MQ_ENABLED=true` puts the broker of `MQ_TYPE` before it, as the first choice of
 * the same route. So the route falls back from queue to storage, then to the spool on disk, and comes back by itself.
 * `STORAGE_TYPE=kafka` is Kafka as the queue of a Tailrace server.
 *
 * Only data is made here. Sinks and their drivers are loaded where they are made: in the worker, when they are needed.
 */
import { resolve } from 'node:path';
import { BREAKER_PRESET_NAMES } from '../delivery/breaker.ts';
import type { RouteOptions, SinkSpec } from '../delivery/types.ts';
import type { Check } from './check-options.ts';
import { type Environment, Variables } from './variables.ts';

const STORAGE_TYPES = ['tailrace', 'file', 'mongodb', 'clickhouse', 'kafka'] as const;
const QUEUE_TYPES = ['kafka', 'redis'] as const;
type StorageType = (typeof STORAGE_TYPES)[number];
type QueueType = (typeof QUEUE_TYPES)[number];

/** Names that a typing error is looked for in. */
const NAMES = [
  'STORAGE_TYPE',
  'MQ_ENABLED',
  'MQ_TYPE',
  'MQ_BROKER_ADDRESS',
  'MQ_LOG_TOPIC',
  'MQ_CONSUMER_GROUP',
  'MQ_BATCH_SIZE',
  'MQ_BATCH_TIMEOUT_MS',
  'MQ_TIMEOUT_MS',
];

const DEFAULT_TOPIC = 'tailrace-events';
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const BROKER = /^(?:[^\s,:/@[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})$/;
const BROKER_ACCEPTED = 'host:port, several separated by commas, such as 127.0.0.1:9092';
const LONGEST_MS = 3_600_000;

export interface ServerAddress {
  readonly url: string;
  readonly key: string | undefined;
}

/** The server at `TAILRACE_URL`. */
export function resolveServer(check: Check, env: Environment): ServerAddress | undefined {
  const variables = new Variables(env, check);
  const key = variables.secret('TAILRACE_INGEST_KEY');
  // It may have a password in it.
  const url = variables.secretUrl('TAILRACE_URL', ['http:', 'https:'], 'http://127.0.0.1:7300');
  return url === undefined ? undefined : { url, key };
}

export function resolveAlertWebhook(check: Check, given: unknown, env: Environment): string | undefined {
  const option = check.text('alertWebhookUrl', given, { isSecret: true });
  if (option !== undefined && !/^https?:\/\//i.test(option)) {
    check.fault('alertWebhookUrl', '(not shown)', 'an address such as https://hooks.example/…');
    return undefined;
  }
  const fromEnv = new Variables(env, check).secretUrl(
    'TAILRACE_ALERT_WEBHOOK_URL',
    ['http:', 'https:'],
    'https://hooks.example/…',
  );
  return option ?? fromEnv;
}

/** The one route of the environment. */
export function routeOfEnvironment(check: Check, env: Environment, cwd: string): RouteOptions {
  const variables = new Variables(env, check);
  variables.checkSpelling(['MQ_', 'STORAGE_'], NAMES);
  const server = resolveServer(check, env);
  const storage = variables.word('STORAGE_TYPE', STORAGE_TYPES);
  const queue = queueTypeOf(check, variables, storage);
  const sinks = [
    ...(queue === undefined ? [] : [queueSink(queue, check, variables, storage === 'kafka')]),
    ...storageSinks(storage, queue, server, variables, cwd),
  ];
  const isNamed = storage !== undefined || queue !== undefined;
  return {
    // One name for all of them: whoever grows from a file to a broker goes on from the same cursor.
    name: isNamed ? 'events' : server === undefined ? 'console' : 'tailrace',
    sinks,
    ...batchesOf(variables, queue),
    ...breakerOf(variables, isNamed),
  };
}

const CONSOLE: SinkSpec = { kind: 'builtin', name: 'console', options: {} };

function queueTypeOf(check: Check, variables: Variables, storage: StorageType | undefined): QueueType | undefined {
  const isEnabled = variables.flag('MQ_ENABLED');
  const type = variables.word('MQ_TYPE', QUEUE_TYPES);
  if (storage === 'kafka') {
    if (isEnabled === true && type === 'redis') {
      check.fault('MQ_TYPE', type, 'kafka, since STORAGE_TYPE is kafka');
    }
    return 'kafka';
  }
  if (isEnabled !== true) return undefined;
  if (type === undefined && variables.text('MQ_TYPE') === undefined) {
    variables.missing('MQ_TYPE', QUEUE_TYPES.join(', '), 'MQ_ENABLED=true');
  }
  return type;
}

function queueSink(type: QueueType, check: Check, variables: Variables, isStorage: boolean): SinkSpec {
  const askedBy = isStorage ? 'STORAGE_TYPE=kafka' : `MQ_TYPE=${type}`;
  const topic = topicOf(check, variables);
  const publishTimeoutMs = variables.wholeNumber('MQ_TIMEOUT_MS', 100, 120_000);
  const options = { askedBy, ...(publishTimeoutMs !== undefined && { publishTimeoutMs }) };
  if (type === 'kafka') {
    const brokers = brokersOf(check, variables);
    if (brokers === undefined) variables.missing('MQ_BROKER_ADDRESS', BROKER_ACCEPTED, askedBy);
    return { kind: 'builtin', name: 'kafka', options: { ...options, brokers: brokers ?? [], topic } };
  }
  const url = redisUrl(check, variables);
  if (url === undefined)
    variables.missing('REDIS_URL', 'an address such as redis://127.0.0.1:6379, or REDIS_HOST', askedBy);
  return { kind: 'builtin', name: 'redis', options: { ...options, url, stream: topic } };
}

function topicOf(check: Check, variables: Variables): string {
  const own = variables.text('MQ_LOG_TOPIC');
  const topic = own ?? variables.text('KAFKA_LOG_TOPIC') ?? DEFAULT_TOPIC;
  if (!TOPIC.test(topic)) {
    const name = own === undefined ? 'KAFKA_LOG_TOPIC' : 'MQ_LOG_TOPIC';
    check.fault(name, topic, 'letters, digits, dots, dashes and underscores, at most 249');
  }
  return topic;
}

/** `undefined` where none is named; what is wrong with one that is, is told here. */
function brokersOf(check: Check, variables: Variables): readonly string[] | undefined {
  const text = variables.text('MQ_BROKER_ADDRESS');
  if (text === undefined) return undefined;
  const brokers = text.split(',').map((broker) => broker.trim());
  for (const broker of brokers) {
    const port = Number(BROKER.exec(broker)?.[1] ?? 0);
    // An address with an @ in it may hold a password.
    const shown = broker.includes('@') ? '(not shown)' : broker;
    if (port < 1 || port > 65_535) check.fault('MQ_BROKER_ADDRESS', shown, BROKER_ACCEPTED);
  }
  return brokers;
}

function redisUrl(check: Check, variables: Variables): string | undefined {
  const url = variables.secretUrl('REDIS_URL', ['redis:', 'rediss:'], 'redis://user:password@127.0.0.1:6379/0');
  const host = variables.text('REDIS_HOST');
  const port = variables.wholeNumber('REDIS_PORT', 1, 65_535);
  if (url !== undefined) return url;
  if (host !== undefined) return `redis://${host.includes(':') ? `[${host}]` : host}:${port ?? 6379}`;
  const brokers = brokersOf(check, variables);
  if (brokers !== undefined && brokers.length > 1) {
    check.fault('MQ_BROKER_ADDRESS', brokers.join(','), 'one host:port, where MQ_TYPE is redis');
  }
  if (brokers !== undefined) return `redis://${brokers[0]}`;
  if (port !== undefined) return `redis://127.0.0.1:${port}`;
  // One that is wrong was told; it is not missing.
  return variables.text('REDIS_URL') ?? variables.text('REDIS_URL_FILE');
}

/** The storage, or what stands in for it: the server at `TAILRACE_URL`, else the console where there is no queue either. */
function storageSinks(
  storage: StorageType | undefined,
  queue: QueueType | undefined,
  server: ServerAddress | undefined,
  variables: Variables,
  cwd: string,
): readonly SinkSpec[] {
  switch (storage) {
    case 'file': {
      const path = variables.text('LOG_FILE_PATH');
      if (path === undefined) variables.missing('LOG_FILE_PATH', 'the file to write to', 'STORAGE_TYPE=file');
      return [{ kind: 'builtin', name: 'file', options: { path: resolve(cwd, path ?? 'events.ndjson') } }];
    }
    case 'mongodb': {
      const uri = variables.secretUrl('MONGODB_URI', ['mongodb:', 'mongodb+srv:'], 'mongodb://127.0.0.1:27017/logs');
      return [addressed('mongodb', 'MONGODB_URI', { uri }, variables)];
    }
    case 'clickhouse': {
      const url = variables.secretUrl('CLICKHOUSE_URL', ['http:', 'https:'], 'http://127.0.0.1:8123/logs');
      return [addressed('clickhouse', 'CLICKHOUSE_URL', { url }, variables)];
    }
    default: {
      if (server !== undefined) return [serverSink(server)];
      const isServerNamed = [variables.text('TAILRACE_URL'), variables.text('TAILRACE_URL_FILE')].some(Boolean);
      if (storage === 'tailrace' && queue === undefined && !isServerNamed) {
        variables.missing('TAILRACE_URL', 'an address such as http://127.0.0.1:7300', 'STORAGE_TYPE=tailrace');
      }
      return queue === undefined ? [CONSOLE] : [];
    }
  }
}

function addressed(
  name: 'mongodb' | 'clickhouse',
  variable: string,
  address: Readonly<Record<string, string | undefined>>,
  variables: Variables,
): SinkSpec {
  if (variables.text(variable) === undefined && variables.text(`${variable}_FILE`) === undefined) {
    variables.missing(variable, `the address of the ${name} to write to`, `STORAGE_TYPE=${name}`);
  }
  return { kind: 'builtin', name, options: { ...address, askedBy: `STORAGE_TYPE=${name}` } };
}

function serverSink({ url, key }: ServerAddress): SinkSpec {
  return { kind: 'builtin', name: 'tailrace', options: key === undefined ? { url } : { url, key } };
}

/** `MQ_*` are about a route that begins with a queue, and there they come before `LOG_*`. */
function batchesOf(
  variables: Variables,
  queue: QueueType | undefined,
): Pick<RouteOptions, 'batchLines' | 'batchWaitMs'> {
  const logLines = variables.wholeNumber('LOG_BATCH_SIZE', 1, 100_000);
  const logWaitMs = variables.wholeNumber('LOG_FLUSH_INTERVAL_MS', 0, LONGEST_MS);
  const mqLines = variables.wholeNumber('MQ_BATCH_SIZE', 1, 100_000);
  const mqWaitMs = variables.wholeNumber('MQ_BATCH_TIMEOUT_MS', 1, 60_000);
  const batchLines = queue === undefined ? logLines : (mqLines ?? logLines ?? 100);
  const batchWaitMs = queue === undefined ? logWaitMs : (mqWaitMs ?? logWaitMs ?? 1_000);
  return { ...(batchLines !== undefined && { batchLines }), ...(batchWaitMs !== undefined && { batchWaitMs }) };
}

function breakerOf(variables: Variables, isNamed: boolean): Pick<RouteOptions, 'breaker'> {
  const preset = variables.word('TAILRACE_FALLBACK', BREAKER_PRESET_NAMES);
  if (preset !== undefined) return { breaker: preset };
  return isNamed ? { breaker: 'standard' } : {};
}
