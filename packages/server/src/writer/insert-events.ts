/** Events → store, until it is done: what the store will never take becomes dead letters. */
import type { Unusable } from '../sources/bury.ts';
import { LinesRefusedError, type Store } from '../store/store.ts';
import type { Perseverance } from './perseverance.ts';
import type { QueuedEvent } from './queued-line.ts';

export interface InsertParts {
  readonly store: Store;
  readonly perseverance: Perseverance;
  /** False where the writer is closed before the letters are kept. */
  readonly bury: (lines: readonly Unusable[]) => Promise<boolean>;
}

/** @returns the events that are in the store now; `undefined` where the writer is closed before. */
export async function insertEvents(
  events: readonly QueuedEvent[],
  parts: InsertParts,
): Promise<readonly QueuedEvent[] | undefined> {
  if (events.length === 0) return events;
  const { store, perseverance, bury } = parts;
  try {
    const insert = async () => {
      await store.insert(events);
      return events;
    };
    return await perseverance.until('writing to the store', insert, (error) => refusals(error, events).size > 0);
  } catch (error) {
    const reasons = refusals(error, events);
    const refused = events.flatMap(({ line }, index) => {
      const reason = reasons.get(index);
      return reason === undefined ? [] : [{ reason: `the store refuses it: ${reason}`, line }];
    });
    if (!(await bury(refused))) return undefined;
    return insertEvents(
      events.filter((_, index) => !reasons.has(index)),
      parts,
    );
  }
}

/** By index. A refusal that names none of the events is a failure like any other: it would come for ever. */
function refusals(error: unknown, events: readonly QueuedEvent[]): ReadonlyMap<number, string> {
  if (!(error instanceof LinesRefusedError)) return new Map();
  return new Map(
    error.refused.filter(({ index }) => events[index] !== undefined).map(({ index, reason }) => [index, reason]),
  );
}
