/** Events to MongoDB. */
import type { Batch, Sink, SinkContext, SinkOutcome } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import { readSinkOptions } from '../sink-options.ts';
import { connect, isNotAllowed, reasonOf } from './driver.ts';
import { type MongoOptions, readTarget } from './options.ts';
import { MongoWriter, type WriteOutcome } from './writer.ts';

export { MissingDriverError } from '../import-driver.ts';
export { type KeptAccount, readAccounts } from './accounts.ts';
export { type EventDocument, fromBson, pathOf, toDocument, toEvent } from './document.ts';
export { codeOf, connect, isNotAllowed, type MongoConnection, reasonOf } from './driver.ts';
export { escapeName, unescapeName } from './field-names.ts';
export { hostsOf, type MongoOptions, type MongoTarget, readTarget } from './options.ts';
export { alterRetention, type Collections, type DayDocument, type EventIdentity } from './schema.ts';
export { MongoWriter, type WriteOutcome } from './writer.ts';

/** How long events wait for a wrong password or a missing right to be mended before they are tried again. */
const MISCONFIGURED_AFTER_MS = 60_000;

/**
 * Writes events to MongoDB, whose collections and indexes it makes. Needs the package `mongodb`.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'store', sinks: [mongoSink({ uri: 'mongodb://127.0.0.1:27017/tailrace' })] }] });
 * ```
 */
export function mongoSink(options: MongoOptions): SinkSpec {
  return { kind: 'builtin', name: 'mongodb', options };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `mongodb` isn't installed. */
export async function createSink(given: unknown, context: SinkContext): Promise<Sink> {
  const { uri = '', ...options } = readSinkOptions('mongodb', given, {
    uri: 'string',
    database: 'string',
    collectionPrefix: 'string',
    retentionDays: 'number',
    timeoutMs: 'number',
    maxConnections: 'number',
    name: 'string',
    askedBy: 'string',
  });
  const connection = await connect(readTarget({ uri, ...options }));
  const writer = new MongoWriter(connection);

  async function send(batch: Batch, signal: AbortSignal): Promise<SinkOutcome> {
    try {
      const outcome = await unlessAborted(writer.write(batch.lines.map((line) => line.toString())), signal);
      return outcomeOf(outcome);
    } catch (error) {
      const reason = `${connection.hosts}: ${reasonOf(error)}`;
      if (!isNotAllowed(error)) return { kind: 'retry', reason };
      context.notice('mongodb_not_allowed', reason);
      return { kind: 'retry', reason, afterMs: MISCONFIGURED_AFTER_MS };
    }
  }

  return { name: options.name ?? 'mongodb', takesLedger: true, send, close: () => connection.close() };
}

function outcomeOf({ duplicates, refused, retry, reason }: WriteOutcome): SinkOutcome {
  if (refused.length === 0 && retry.length === 0) return { kind: 'delivered', duplicates };
  return { kind: 'partial', refused, retry, duplicates, ...(reason !== undefined && { reason }) };
}

/** A write can't be called off; whoever waits for it no longer does. Written twice, an event is there once. */
function unlessAborted<T>(write: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('the time for the batch is over'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    write.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
