/** What the ledger comes to, in one word: the sentence on top of the screen follows from it. */
import type { Ledger } from '../api/types.ts';

export interface Verdict {
  /**
   * `missing`: events are gone without a reason. `accounted`: some are gone, each with its reason. `moving`: the rest is on
   * its way. `complete`: all that was kept is stored. `none`: nobody has reported.
   */
  readonly kind: 'none' | 'complete' | 'moving' | 'accounted' | 'missing';
}

export function verdictOf({ totals, producers, folded }: Ledger): Verdict {
  if (producers.length === 0 && (folded?.producers ?? 0) === 0) return { kind: 'none' };
  if (totals.missing > 0) return { kind: 'missing' };
  if (totals.dead + totals.dropped > 0) return { kind: 'accounted' };
  return { kind: totals.inFlight > 0 ? 'moving' : 'complete' };
}
