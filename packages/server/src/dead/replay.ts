/**
 * A replay: dead letters are offered to the ingest again. What is taken is no dead letter any more; what is refused again is
 * one round on, with its new reason.
 *
 * Which letters are offered is settled at the start, and each is offered once, so a replay ends, also where everything is
 * refused again. A letter that came back too often is left alone: it needs an edit first. An event keeps its id, so a replay
 * that is cut off and done again stores nothing twice. Only so many go out a second: a replay is not to take from what
 * arrives now.
 */
import type { DeadLetter } from 'tailrace/dead-letters';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { type SelectedLetter, type Selection, selectLetters } from './select.ts';

/** What became of a letter that was offered again: `gone` is taken. */
export type Replayed = { readonly kind: 'gone' } | { readonly kind: 'refused'; readonly reason: string };

export interface ReplayParts {
  readonly store: DeadLetterStore;
  /** Offers letters; the answer says of each what became of it. */
  readonly offer: (letters: readonly DeadLetter[]) => Promise<readonly Replayed[]>;
  readonly linesPerSecond: number;
  readonly maxRounds: number;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface ReplayOutcome {
  /** Letters that the order was about. */
  readonly matched: number;
  readonly replayed: number;
  readonly refused: number;
  readonly skipped: Skipped;
  /** Letters that were not reached. */
  readonly left: number;
  /** Why it ended before its end. */
  readonly stopped: string | null;
}

export interface Skipped {
  /** Only their start was kept. */
  readonly truncated: number;
  /** They came back too often. */
  readonly rounds: number;
}

/** Whoever asked waits for the answer, and clients give up after 5 minutes or so. */
const MAX_RUN_MS = 240_000;
/** Letters at hand at once. */
const MAX_PART = 200;

export async function replayLetters(
  parts: ReplayParts,
  selection: Selection,
  signal: AbortSignal,
): Promise<ReplayOutcome> {
  const { store, linesPerSecond, maxRounds, now, sleep } = parts;
  const selected = await selectLetters(store, selection, now());
  const { offered, skipped } = sortOut(selected, maxRounds);
  const partSize = Math.min(MAX_PART, Math.max(1, Math.floor(linesPerSecond / 5)));
  const startedMs = now();
  let replayed = 0;
  let refused = 0;
  let done = 0;
  let stopped: string | null = null;
  while (done < offered.length) {
    const aheadMs = (done / linesPerSecond) * 1000 - (now() - startedMs);
    if (aheadMs > 0) await sleep(aheadMs, signal);
    if (signal.aborted) {
      stopped = 'it was called off';
      break;
    }
    if (now() - startedMs > MAX_RUN_MS) {
      stopped = `${MAX_RUN_MS / 60_000} minutes are over; replay the rest`;
      break;
    }
    const ids = offered.slice(done, done + partSize).map(({ id }) => id);
    try {
      const outcome = await replayPart(parts, ids);
      replayed += outcome.replayed;
      refused += outcome.refused;
    } catch (error) {
      stopped = error instanceof Error ? error.message : String(error);
      break;
    }
    done += ids.length;
  }
  return { matched: selected.length, replayed, refused, skipped, left: offered.length - done, stopped };
}

export function sortOut(
  selected: readonly SelectedLetter[],
  maxRounds: number,
): { readonly offered: readonly SelectedLetter[]; readonly skipped: Skipped } {
  const whole = selected.filter(({ truncated }) => !truncated);
  const offered = whole.filter(({ rounds }) => rounds < maxRounds);
  return {
    offered,
    skipped: { truncated: selected.length - whole.length, rounds: whole.length - offered.length },
  };
}

async function replayPart({ store, offer, now }: ReplayParts, ids: readonly string[]) {
  const letters = await store.find(ids);
  const outcomes = await offer(letters);
  const gone: string[] = [];
  const back: DeadLetter[] = [];
  letters.forEach((letter, index) => {
    const outcome = outcomes[index];
    if (outcome?.kind === 'gone') gone.push(letter.id);
    else if (outcome !== undefined) back.push(nextRound(letter, outcome.reason, now()));
  });
  await store.put(back);
  await store.remove(gone);
  return { replayed: gone.length, refused: back.length };
}

function nextRound(letter: DeadLetter, reason: string, nowMs: number): DeadLetter {
  const { attempts, rounds } = letter;
  return { ...letter, reason, lastAt: new Date(nowMs).toISOString(), attempts: attempts + 1, rounds: rounds + 1 };
}
