/**
 * Lines that may have killed their reader, and in what runs they go out again.
 *
 * When readers have died over a place in the queue, all lines that were fetched from there are under suspicion: thousands, of which
 * one is to blame, or none, where somebody killed the readers for another reason. Two things cost time then. Each run has a
 * mark in the broker and an insert of its own; and each death waits for a lease to end and for a process to start, which is
 * worth hundreds of runs. So the suspects go out in runs of
 *
 *   1, 2, 4, 8, …   as long as their reader comes back for more: n lines that do no harm take log2(n) runs
 *   √k              where a reader died with them in a run of k: it takes one more death to find √k of them, where halves
 *                   would take log2(k)
 *   1               where k is small enough to look at one after the other
 *
 * Before a run goes out, a mark says for each of its lines how many went together; it is taken off when the reader comes back.
 * A line with which two readers died alone is put aside, and no line ever is for its neighbours.
 */

export interface Suspicion {
  /** Lines of the smallest run with which a reader died while this line was in it; `undefined` while there was none. */
  readonly diedWith: number | undefined;
  /** Readers that died with this line alone. */
  readonly deathsAlone: number;
  /** Only lines of the same lane may go out in one run. */
  readonly lane: number;
}

const DEATHS_ALONE = 2;
/** Runs of so many are looked at line by line. */
const FEW_LINES = 64;

/**
 * @param grown - the length of a run of lines of which no more is known
 * @returns how many lines may go out together, at most
 */
export function longestRun({ diedWith }: Suspicion, grown: number): number {
  if (diedWith === undefined) return grown;
  return diedWith <= FEW_LINES ? 1 : Math.ceil(Math.sqrt(diedWith));
}

/** True where the two may be in one run. */
export function goTogether(a: Suspicion | undefined, b: Suspicion | undefined): boolean {
  return a?.diedWith === b?.diedWith && a?.lane === b?.lane;
}

/** Why a line is to be put aside; `undefined` where it gets another chance. */
export function reasonToPutAside(suspicion: Suspicion | undefined): string | undefined {
  const deaths = suspicion?.deathsAlone ?? 0;
  return deaths < DEATHS_ALONE ? undefined : `was handed out alone ${deaths} times, and its reader died each time`;
}
