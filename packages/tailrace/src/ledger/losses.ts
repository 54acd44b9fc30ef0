import type { Intervals, LossCount } from './ledger-line.ts';
import { SequenceSet } from './sequence-set.ts';

/** A line of the ledger names so many intervals of one loss at most; the count holds all the same. */
const MAX_INTERVALS_WRITTEN = 1_000;

/** A reader takes so many of one loss. */
export const MAX_INTERVALS_READ = 10_000;

/** Events lost to one reason: their count, and their numbers as long as they are few enough intervals to be named. */
export class Losses {
  #count = 0;
  readonly #sequences = new SequenceSet();

  add(count: number, sequences: Intervals): void {
    this.#count += count;
    for (const [from, to] of sequences) {
      if (this.#sequences.intervalCount >= MAX_INTERVALS_WRITTEN && !this.#extends(from, to)) continue;
      this.#sequences.addRange(from, to);
    }
  }

  describe(): LossCount {
    return { count: this.#count, sequences: this.#sequences.intervals() };
  }

  #extends(from: number, to: number): boolean {
    return this.#sequences.has(from - 1) || this.#sequences.has(to + 1);
  }
}

/**
 * Puts together what two lines say of the same losses. The result is at least as much as either says, whatever the order,
 * and the same again when one of them comes twice.
 */
export function mergeLosses(
  a: Readonly<Record<string, LossCount>>,
  b: Readonly<Record<string, LossCount>>,
): Record<string, LossCount> {
  const merged = new Map(Object.entries(a));
  for (const [name, loss] of Object.entries(b)) {
    const known = merged.get(name);
    merged.set(name, known === undefined ? loss : mergeLoss(known, loss));
  }
  return Object.fromEntries(merged);
}

function mergeLoss(a: LossCount, b: LossCount): LossCount {
  const both = new SequenceSet(a.sequences);
  for (const [from, to] of b.sequences) both.addRange(from, to);
  return {
    count: Math.max(a.count, b.count, both.size),
    sequences: both.intervals().slice(0, MAX_INTERVALS_READ),
  };
}
