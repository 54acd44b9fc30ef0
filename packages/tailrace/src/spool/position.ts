/** A place in a spool: a byte offset in a segment, always at the start of a line or at the end of the segment. */
export interface Position {
  /** Number of the segment, from 1 up. */
  readonly segment: number;
  /** Bytes from the start of the segment. */
  readonly offset: number;
}

export const SPOOL_START: Position = { segment: 1, offset: 0 };

/** Negative where `a` comes before `b`, 0 where they are the same place, positive where it comes after. */
export function comparePositions(a: Position, b: Position): number {
  return a.segment - b.segment || a.offset - b.offset;
}
