/** A page of dead letters, the newest first, and how many there are of each cause. One walk over all, in bounded memory. */
import type { DeadLetter } from 'tailrace/dead-letters';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { causeOf, type Matches } from './filter.ts';

export interface Cause {
  readonly cause: string;
  readonly count: number;
  /** When one died first, and last, RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface LetterPage {
  readonly letters: readonly DeadLetter[];
  /** Where the next page begins; `undefined` at the end. */
  readonly cursor: string | undefined;
  /** Letters that match. */
  readonly matching: number;
  /** The most frequent first. */
  readonly causes: readonly Cause[];
}

const MAX_CAUSES = 100;
const MAX_REASONS = 1000;
/** The causes of all that are beyond the bound are counted here. */
export const OTHER_CAUSES = 'other causes';

export async function listLetters(
  store: Pick<DeadLetterStore, 'scan'>,
  matches: Matches,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<LetterPage> {
  const causes = new Map<string, Cause>();
  const causeOfReason = rememberCauses();
  let page: DeadLetter[] = [];
  let matching = 0;
  for await (const part of store.scan()) {
    for (const letter of part) {
      if (!matches(letter)) continue;
      matching += 1;
      countCause(causes, causeOfReason(letter.reason), letter.at);
      if (cursor === undefined || placeOf(letter) < cursor) page.push(letter);
    }
    // One more than asked for: so that it is known whether there is a next page.
    page = page.sort(newestFirst).slice(0, limit + 1);
  }
  const letters = page.slice(0, limit);
  const last = letters.at(-1);
  return {
    letters,
    cursor: page.length > limit && last !== undefined ? placeOf(last) : undefined,
    matching,
    causes: [...causes.values()].sort((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1)),
  };
}

/** Its place in the order, as a text that can be compared. */
function placeOf({ at, id }: DeadLetter): string {
  return `${at} ${id}`;
}

function newestFirst(a: DeadLetter, b: DeadLetter): number {
  return placeOf(a) < placeOf(b) ? 1 : -1;
}

/** Most reasons come again and again. */
function rememberCauses(): (reason: string) => string {
  const known = new Map<string, string>();
  return (reason) => {
    const cause = known.get(reason) ?? causeOf(reason);
    if (known.size < MAX_REASONS) known.set(reason, cause);
    return cause;
  };
}

function countCause(causes: Map<string, Cause>, named: string, at: string): void {
  const cause = causes.has(named) || causes.size < MAX_CAUSES ? named : OTHER_CAUSES;
  const { count, firstAt, lastAt } = causes.get(cause) ?? { count: 0, firstAt: at, lastAt: at };
  causes.set(cause, {
    cause,
    count: count + 1,
    firstAt: at < firstAt ? at : firstAt,
    lastAt: at > lastAt ? at : lastAt,
  });
}
