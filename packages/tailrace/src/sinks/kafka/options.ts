/** What a connection to Kafka can be told, checked as a whole before anything is loaded. */

export interface KafkaTlsOptions {
  /** Certificates of the authorities to trust, PEM. @defaultValue those of Node */
  readonly ca?: string;
  /** Certificate and key of this client, PEM, where the broker wants them. */
  readonly cert?: string;
  readonly key?: string;
  /** False accepts any certificate: for tests only. @defaultValue true */
  readonly rejectUnauthorized?: boolean;
}

export interface KafkaSaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** Plain data: it survives the way to the delivery worker. */
export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster; a string holds several with commas between them. */
  readonly brokers: string | readonly string[];
  /** @defaultValue `tailrace-events` */
  readonly topic?: string;
  /** Names this client in the broker's logs. @defaultValue `tailrace` */
  readonly clientId?: string;
  /** @defaultValue false */
  readonly ssl?: boolean | KafkaTlsOptions;
  readonly sasl?: KafkaSaslOptions;
  /** Make the topic where it isn't there. @defaultValue true */
  readonly createTopic?: boolean;
  /** Partitions of a topic that is made here: so many writers can share the work. @defaultValue 6 */
  readonly partitions?: number;
  /** Copies of each partition of a topic that is made here. @defaultValue what the cluster has as its default */
  readonly replicationFactor?: number;
  /** @defaultValue `gzip` */
  readonly compression?: 'gzip' | 'none';
  /** The longest that publishing may take before it fails, in milliseconds. @defaultValue 5000 */
  readonly publishTimeoutMs?: number;
  /** Names the sink in metrics and messages. @defaultValue `kafka` */
  readonly name?: string;
  /** The setting or variable that asked for Kafka: a message about a missing driver names it. @defaultValue `the kafka sink` */
  readonly askedBy?: string;
}

/** The options with everything filled in. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly clientId: string;
  readonly ssl: boolean | KafkaTlsOptions;
  readonly sasl: KafkaSaslOptions | undefined;
  readonly createTopic: boolean;
  readonly partitions: number;
  readonly replicationFactor: number | undefined;
  readonly compression: 'gzip' | 'none';
  readonly publishTimeoutMs: number;
  readonly name: string;
  readonly askedBy: string;
}

export const DEFAULT_TOPIC = 'tailrace-events';

const OPTIONS = [
  'brokers',
  'topic',
  'clientId',
  'ssl',
  'sasl',
  'createTopic',
  'partitions',
  'replicationFactor',
  'compression',
  'publishTimeoutMs',
  'name',
  'askedBy',
];
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
/** Kafka's own rule for names of topics. */
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

/** @throws TypeError naming every option that is wrong. A password is never part of it. */
export function readKafkaOptions(given: unknown): KafkaSettings {
  const faults: string[] = [];
  const options = recordOf(given);
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) faults.push(`${name} is not an option; the options are ${OPTIONS.join(', ')}`);
  }
  const text = (name: string, fallback: string): string => {
    const value = options[name] ?? fallback;
    if (typeof value === 'string' && value !== '') return value;
    faults.push(`${name} must be a text that isn't empty`);
    return fallback;
  };
  const flag = (name: string, fallback: boolean): boolean => {
    const value = options[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    faults.push(`${name} must be true or false`);
    return fallback;
  };
  const count = (name: string, fallback: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
    faults.push(`${name} must be a whole number from 1 up, and is ${JSON.stringify(options[name])}`);
    return fallback;
  };
  const settings: KafkaSettings = {
    brokers: readBrokers(options.brokers, faults),
    topic: text('topic', DEFAULT_TOPIC),
    clientId: text('clientId', 'tailrace'),
    ssl: readTls(options.ssl, faults),
    sasl: readSasl(options.sasl, faults),
    createTopic: flag('createTopic', true),
    partitions: count('partitions', 6),
    replicationFactor: options.replicationFactor === undefined ? undefined : count('replicationFactor', 1),
    compression: options.compression === 'none' ? 'none' : 'gzip',
    publishTimeoutMs: count('publishTimeoutMs', 5000),
    name: text('name', 'kafka'),
    askedBy: text('askedBy', 'the kafka sink'),
  };
  if (!TOPIC.test(settings.topic)) {
    faults.push(
      `topic ${JSON.stringify(settings.topic)} must be letters, digits, dot, dash and underscore, at most 249`,
    );
  }
  if (![undefined, 'gzip', 'none'].includes(asText(options.compression))) {
    faults.push(`compression must be gzip or none, and is ${JSON.stringify(options.compression)}`);
  }
  if (faults.length > 0) throw new TypeError(`kafka: ${faults.join('; ')}`);
  return settings;
}

function recordOf(given: unknown): Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null ? { ...given } : {};
}

function asText(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

function readBrokers(given: unknown, faults: string[]): readonly string[] {
  const list: readonly unknown[] = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : [];
  const brokers = list.map((one) => (typeof one === 'string' ? one.trim() : '')).filter((one) => one !== '');
  if (brokers.length === 0) faults.push('brokers must name at least one broker, such as 127.0.0.1:9092');
  for (const broker of brokers) {
    const port = Number(/:(\d{1,5})$/.exec(broker)?.[1]);
    if (!(port > 0 && port < 65536) || broker.includes('/') || broker.includes('@')) {
      // It may be a URL with a password in it, so it isn't repeated.
      const shown = broker.includes('@') ? 'one of the brokers' : JSON.stringify(broker);
      faults.push(`${shown} is not host:port, such as 127.0.0.1:9092`);
    }
  }
  return brokers;
}

function readTls(given: unknown, faults: string[]): boolean | KafkaTlsOptions {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  const { ca, cert, key, rejectUnauthorized } = recordOf(given);
  if ([ca, cert, key].some((pem) => pem !== undefined && typeof pem !== 'string')) {
    faults.push('ssl.ca, ssl.cert and ssl.key must be texts in PEM');
    return true;
  }
  return {
    ...(typeof ca === 'string' && { ca }),
    ...(typeof cert === 'string' && { cert }),
    ...(typeof key === 'string' && { key }),
    ...(typeof rejectUnauthorized === 'boolean' && { rejectUnauthorized }),
  };
}

function readSasl(given: unknown, faults: string[]): KafkaSaslOptions | undefined {
  if (given === undefined) return undefined;
  const { mechanism, username, password } = recordOf(given);
  const known = MECHANISMS.find((name) => name === mechanism);
  if (known === undefined) {
    faults.push(`sasl.mechanism must be one of ${MECHANISMS.join(', ')}, and is ${JSON.stringify(mechanism)}`);
  }
  if (typeof username !== 'string' || typeof password !== 'string') {
    faults.push('sasl.username and sasl.password must be texts');
    return undefined;
  }
  return known && { mechanism: known, username, password };
}
