/** What a replay would do: which letters it would offer, and which of them would be refused again, as far as can be known. */
import { isUtf8 } from 'node:buffer';
import type { CheckLine } from '../sources/check-line.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { type Skipped, sortOut } from './replay.ts';
import { type Selection, selectLetters } from './select.ts';

export interface DryRun {
  readonly dryRun: true;
  readonly matched: number;
  readonly skipped: Skipped;
  /** Letters that would pass the checks. */
  readonly wouldPass: number;
  readonly wouldBeRefused: number;
  /** The first of those that would be offered; `reason` where it would be refused. */
  readonly letters: readonly { readonly id: string; readonly reason?: string }[];
}

const SHOWN = 100;
const PART = 500;

export async function dryRun(
  { store, check, maxRounds, now }: DryRunParts,
  selection: Selection,
  signal: AbortSignal,
): Promise<DryRun> {
  const selected = await selectLetters(store, selection, now());
  const { offered, skipped } = sortOut(selected, maxRounds);
  const letters: { id: string; reason?: string }[] = [];
  let wouldPass = 0;
  let wouldBeRefused = 0;
  for (let from = 0; from < offered.length && !signal.aborted; from += PART) {
    for (const { id, line } of await store.find(offered.slice(from, from + PART).map((one) => one.id))) {
      const reason = reasonAgainst(line, check, id);
      if (reason === undefined) wouldPass += 1;
      else wouldBeRefused += 1;
      if (letters.length < SHOWN) letters.push(reason === undefined ? { id } : { id, reason });
    }
  }
  return { dryRun: true, matched: selected.length, skipped, wouldPass, wouldBeRefused, letters };
}

export interface DryRunParts {
  readonly store: DeadLetterStore;
  readonly check: CheckLine;
  readonly maxRounds: number;
  readonly now: () => number;
}

function reasonAgainst(line: Buffer, check: CheckLine, id: string): string | undefined {
  if (!isUtf8(line)) return 'is not valid UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return 'is not JSON';
  }
  const checked = check(value, () => id);
  return checked.kind === 'refused' ? checked.reason : undefined;
}
