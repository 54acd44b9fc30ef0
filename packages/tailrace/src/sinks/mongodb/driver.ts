/** The driver, imported when a connection is opened, and its errors as what they mean for a batch. */
import type * as mongodb from 'mongodb';
import { importDriver } from '../import-driver.ts';
import { hostsOf, type MongoTarget } from './options.ts';

export interface MongoConnection {
  readonly client: mongodb.MongoClient;
  readonly db: mongodb.Db;
  readonly target: MongoTarget;
  /** The hosts, for messages: never with a password. */
  readonly hosts: string;
  /**
   * To be called before anything is asked of it. The driver mends a connection that was there once; one that never was is
   * closed for good unless it is opened anew.
   */
  open(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_MS = 3_000;

/**
 * Opens a connection; the server may be away, it is found when it is needed. The driver finds it again by itself after
 * an outage, and sends a write again that it doesn't know the fate of.
 *
 * @throws MissingDriverError where the package `mongodb` isn't installed, TypeError where it can't read the address.
 */
export async function connect(target: MongoTarget): Promise<MongoConnection> {
  const module = await importDriver('mongodb', target.askedBy);
  if (!isDriver(module)) throw new TypeError('the package mongodb is not the driver: it has no MongoClient');
  let client: mongodb.MongoClient;
  try {
    client = new module.MongoClient(target.uri, {
      appName: 'tailrace',
      maxPoolSize: target.maxConnections,
      connectTimeoutMS: CONNECT_MS,
      serverSelectionTimeoutMS: CONNECT_MS,
      // Without these a frozen server, or a set without its majority, would hold a batch for ever.
      waitQueueTimeoutMS: target.timeoutMs,
      socketTimeoutMS: target.timeoutMs + 5_000,
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: target.timeoutMs },
      retryWrites: true,
      retryReads: true,
      promoteLongs: true,
    });
  } catch (error) {
    throw new TypeError(`mongodb: ${reasonOf(error)}`);
  }
  let opened: Promise<void> | undefined;
  return {
    client,
    db: client.db(target.database),
    target,
    hosts: hostsOf(target.uri),
    open: () => {
      opened ??= client.connect().then(
        () => undefined,
        (error: unknown) => {
          opened = undefined;
          throw error;
        },
      );
      return opened;
    },
    close: () => client.close(),
  };
}

function isDriver(module: unknown): module is typeof mongodb {
  return (
    typeof module === 'object' && module !== null && 'MongoClient' in module && typeof module.MongoClient === 'function'
  );
}

export const DUPLICATE_KEY = 11_000;
/** Unauthorized, authentication failed, and what Atlas says for it. */
const NOT_ALLOWED: ReadonlySet<number> = new Set([13, 18, 8000]);
/** A document that this collection will never take: too large, or against a rule that somebody gave it. */
const NEVER_TAKEN: ReadonlySet<number> = new Set([2, 9, 52, 121, 10334, 17280, 17419, 17420]);

export function isNeverTaken(code: number): boolean {
  return NEVER_TAKEN.has(code);
}

export function isNotAllowed(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && NOT_ALLOWED.has(code);
}

/** MongoDB's number for an error. */
export function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

/** One line. A connection string in it loses its password. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(mongodb(?:\+srv)?:\/\/)[^@\s]*@/g, '$1***@')
    .slice(0, 500);
}
