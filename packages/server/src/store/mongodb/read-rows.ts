/** Runs pipelines within the time of one query, and stops them for a client that has gone. */
import type { Collection, Document } from 'mongodb';
import { codeOf, type EventIdentity } from 'tailrace/sinks/mongodb';
import { QueryError } from '../../query/query-error.ts';
import { cancelled } from '../query-gate.ts';
import type { Stage } from './compile-plan.ts';
import type { StreamRows } from './percentiles.ts';

const BATCH_ROWS = 1_000;
const TIMED_OUT: ReadonlySet<number> = new Set([50, 202, 262]);
/** Memory that a stage may take, results that are no document any more. */
const TOO_LARGE: ReadonlySet<number> = new Set([146, 292, 10_334, 13_548, 16_945, 17_280]);

/**
 * @param work - is given a way to read rows; once the query's time is over, or the signal fires, all its reading ends
 * @throws QueryError `QUERY_TIMEOUT`, `QUERY_CANCELLED` or `QUERY_TOO_LARGE`
 */
export async function withRows<T>(
  collection: Collection<EventIdentity>,
  limits: { readonly timeoutMs: number },
  signal: AbortSignal | undefined,
  work: (stream: StreamRows) => Promise<T>,
): Promise<T> {
  const endsAtMs = performance.now() + limits.timeoutMs;
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(timedOut(limits.timeoutMs)), limits.timeoutMs);
  const onAbort = (): void => stop.abort(cancelled());
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
  });
  // It may fire when nobody waits for it any more.
  stopped.catch(() => {});
  try {
    stop.signal.throwIfAborted();
    const stream = (pipeline: readonly Stage[]) =>
      rowsOf(collection, pipeline, Math.max(1, Math.ceil(endsAtMs - performance.now())), stop.signal);
    return await Promise.race([work(stream), stopped]);
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    const code = codeOf(error);
    if (code !== undefined && TIMED_OUT.has(code)) throw timedOut(limits.timeoutMs);
    if (code !== undefined && TOO_LARGE.has(code)) throw tooLarge();
    throw error;
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', onAbort);
    stop.abort(cancelled());
  }
}

async function* rowsOf(
  collection: Collection<EventIdentity>,
  pipeline: readonly Stage[],
  maxTimeMS: number,
  signal: AbortSignal,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const cursor = collection.aggregate<Document>([...pipeline], {
    maxTimeMS,
    allowDiskUse: true,
    batchSize: BATCH_ROWS,
    signal,
  });
  try {
    for await (const row of cursor) {
      signal.throwIfAborted();
      yield row;
    }
  } finally {
    // Ends it on the server too.
    await cursor.close().catch(() => {});
  }
}

function timedOut(timeoutMs: number): QueryError {
  const hint = 'take a shorter range, or a narrower search';
  return new QueryError('QUERY_TIMEOUT', `the query took longer than ${timeoutMs} ms`, undefined, hint);
}

function tooLarge(): QueryError {
  const hint = 'take a shorter range, or fewer groups';
  return new QueryError('QUERY_TOO_LARGE', 'the query needs more memory than MongoDB gives it', undefined, hint);
}
