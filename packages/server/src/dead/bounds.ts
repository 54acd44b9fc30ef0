/** Dead letters stay within bounds of number, bytes and age: what is over goes, the oldest first, and is counted. */
import { type DeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';

export interface DeadLetterBounds {
  readonly maxBytes: number;
  readonly maxLetters: number;
  readonly maxAgeMs: number;
}

export interface Trimmed {
  readonly size: DeadLettersSize;
  /** When the oldest that is left died, RFC 3339. */
  readonly oldestAt: string | undefined;
  /** Letters that went. */
  readonly discarded: number;
}

/** What is over a bound goes down to here, so that not every new letter makes an old one go. */
const TRIMMED_TO = 0.95;

export function isOver(size: DeadLettersSize, bounds: DeadLetterBounds): boolean {
  return size.count > bounds.maxLetters || size.bytes > bounds.maxBytes;
}

export async function trimLetters(store: DeadLetterStore, bounds: DeadLetterBounds, nowMs: number): Promise<Trimmed> {
  const before = await store.size();
  const isTooMuch = isOver(before, bounds);
  let { count, bytes } = before;
  const hasRoom = () => count <= bounds.maxLetters * TRIMMED_TO && bytes <= bounds.maxBytes * TRIMMED_TO;
  const youngest = new Date(Math.max(nowMs - bounds.maxAgeMs, 0)).toISOString();
  let oldestAt: string | undefined;
  let discarded = 0;
  for await (const part of store.scan()) {
    const gone: string[] = [];
    for (const letter of part) {
      if (letter.at < youngest || (isTooMuch && !hasRoom())) {
        gone.push(letter.id);
        count -= 1;
        bytes -= bytesOf(letter);
      } else oldestAt = oldestAt === undefined || letter.at < oldestAt ? letter.at : oldestAt;
    }
    discarded += await store.remove(gone);
    // The oldest come first: behind a letter that stays there is nothing that has to go.
    if (oldestAt !== undefined) break;
  }
  return { size: discarded === 0 ? before : await store.size(), oldestAt, discarded };
}

/** What a letter takes in any place, without what the place needs beside it. */
export function bytesOf(letter: DeadLetter): number {
  return Buffer.byteLength(encodeDeadLetter(letter)) + 1;
}

/** How full it is: 1 at the first of the bounds. */
export function fillOf(
  { size, oldestAt }: Pick<Trimmed, 'size' | 'oldestAt'>,
  bounds: DeadLetterBounds,
  nowMs: number,
): number {
  const ageMs = oldestAt === undefined ? 0 : nowMs - Date.parse(oldestAt);
  return Math.max(size.count / bounds.maxLetters, size.bytes / bounds.maxBytes, ageMs / bounds.maxAgeMs, 0);
}
