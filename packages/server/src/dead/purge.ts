/** Removes dead letters for good, after somebody has said how many. */
import type { DeadLetterStore } from './dead-letter-store.ts';
import { type Selection, selectLetters } from './select.ts';

export type Purged =
  | { readonly kind: 'purged'; readonly count: number }
  /** There are so many, and the order says another number, or none. */
  | { readonly kind: 'unconfirmed'; readonly count: number };

const PART = 1000;

/** @param confirmed - how many letters the one who orders it expects to go */
export async function purgeLetters(
  store: DeadLetterStore,
  selection: Selection,
  confirmed: number | undefined,
  nowMs: number,
): Promise<Purged> {
  const ids = (await selectLetters(store, selection, nowMs)).map(({ id }) => id);
  if (ids.length !== confirmed) return { kind: 'unconfirmed', count: ids.length };
  let count = 0;
  for (let from = 0; from < ids.length; from += PART) count += await store.remove(ids.slice(from, from + PART));
  return { kind: 'purged', count };
}
