/** Where a MongoDB is, and how events are kept in it. Plain data: it survives the way to the delivery worker. */

export interface MongoOptions {
  /** The connection string, with everything that MongoDB's own drivers take: `mongodb://user:secret@host:27017/tailrace`. */
  readonly uri: string;
  /** @defaultValue the database of the connection string, else `tailrace` */
  readonly database?: string;
  /** The collections' names begin with this. @defaultValue '' */
  readonly collectionPrefix?: string;
  /**
   * Days that events are kept in a collection that is made now; one that is there keeps what it has.
   * @defaultValue 30
   */
  readonly retentionDays?: number;
  /** After this many milliseconds without an answer a write has failed. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /** Connections at most. @defaultValue 10 */
  readonly maxConnections?: number;
  /** Names the sink in metrics and messages. @defaultValue `mongodb` */
  readonly name?: string;
  /** The setting that chose MongoDB, for messages. @defaultValue `the mongodb sink` */
  readonly askedBy?: string;
}

/** The options, checked, with everything filled in. */
export interface MongoTarget {
  readonly uri: string;
  readonly database: string;
  readonly collectionPrefix: string;
  readonly retentionDays: number;
  readonly timeoutMs: number;
  readonly maxConnections: number;
  readonly askedBy: string;
}

/** MongoDB counts the seconds of a TTL index in 32 bits: some 68 years. */
export const MAX_RETENTION_DAYS = 24_855;
const SECONDS_A_DAY = 86_400;

/** host, host:port and `[::1]:port`, with commas between them. What stands before an `@` may hold a secret. */
const ADDRESS = /^mongodb(?:\+srv)?:\/\/(?:[^/]*@)?([^/?@]+)(?:\/([^?]*))?(?:\?.*)?$/;
/** MongoDB's own rules for names of databases, and what it takes in names of collections. */
const DATABASE = /^[^\s/\\."$*<>:|?\0]{1,63}$/;
const PREFIX = /^(?!system\.)[A-Za-z0-9_.-]{0,64}$/;

/** @throws TypeError where the connection string or an option can't be right; it never repeats the connection string. */
export function readTarget(options: MongoOptions): MongoTarget {
  const address = ADDRESS.exec(options.uri);
  if (address === null)
    throw new TypeError('the address of MongoDB must be one such as mongodb://127.0.0.1:27017/tailrace');
  const database = options.database ?? (readName(address[2] ?? '') || 'tailrace');
  if (!DATABASE.test(database)) throw new TypeError(`${JSON.stringify(database)} can't be the name of a database`);
  const collectionPrefix = options.collectionPrefix ?? '';
  if (!PREFIX.test(collectionPrefix))
    throw new TypeError('collectionPrefix must be letters, digits, dots, dashes and underscores');
  const retentionDays = options.retentionDays ?? 30;
  if (!(retentionDays > 0)) throw new TypeError(`retentionDays must be more than 0, and is ${retentionDays}`);
  return {
    uri: options.uri,
    database,
    collectionPrefix,
    retentionDays: Math.min(retentionDays, MAX_RETENTION_DAYS),
    timeoutMs: atLeastOne('timeoutMs', options.timeoutMs ?? 10_000),
    maxConnections: atLeastOne('maxConnections', options.maxConnections ?? 10),
    askedBy: options.askedBy ?? 'the mongodb sink',
  };
}

/** The hosts of a connection string, without its user and password: for messages. */
export function hostsOf(uri: string): string {
  return ADDRESS.exec(uri)?.[1] ?? 'mongodb';
}

export function secondsOf(days: number): number {
  return Math.round(Math.min(days, MAX_RETENTION_DAYS) * SECONDS_A_DAY);
}

function readName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function atLeastOne(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`${name} must be a whole number from 1 up, and is ${value}`);
}
