/** A place in a spool: a byte offset in a segment, always at the start of a line or at the end of the segment. */
export interface Position {
  /** Number of the segment, from 1 up. */
  readonly segment: number;
  /** Bytes from the start of the segment. */
  readonly offset: number;
}

export const SPOOL_START: Position = { segment: 1, offset: 0 };

/** Far above any real one, and low enough that the numbers after a garbage cursor's still make file names. */
const HIGHEST_SEGMENT = 1e12;

const POSITION = /^(\d{1,15}):(\d{1,15})$/;

/** Negative where `a` comes before `b`, 0 where they are the same place, positive where it comes after. */
export function comparePositions(a: Position, b: Position): number {
  return a.segment - b.segment || a.offset - b.offset;
}

/**
 * Writes a position as text: segment, colon, offset.
 *
 * @example
 * formatPosition({ segment: 12, offset: 3456 }); // '12:3456'
 */
export function formatPosition(position: Position): string {
  return `${position.segment}:${position.offset}`;
}

/** Reads what {@link formatPosition} wrote; `undefined` where the text is not a position. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  return match === null ? undefined : toPosition(Number(match[1]), Number(match[2]));
}

/** A position from two values that nobody has checked; `undefined` where they are none. */
export function toPosition(segment: unknown, offset: unknown): Position | undefined {
  if (typeof segment !== 'number' || !Number.isInteger(segment) || segment < 1 || segment > HIGHEST_SEGMENT)
    return undefined;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  return { segment, offset };
}
