import type { Position } from './position.ts';
import { LINE_FEED, MAX_LINE_BYTES } from './segment.ts';
import type { ReadLimits, SpoolBatch, UnreadableLine, UnreadableReason } from './types.ts';

/** Whole lines as read from a segment. */
export interface Chunk {
  readonly at: Position;
  /** Ends with a line feed. */
  readonly bytes: Buffer;
}

const SAMPLE_BYTES = 64 * 1024;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Takes the next lines of a chunk as a batch.
 *
 * A line counts as readable when it begins with `{`, ends with `}` and holds no NUL. That is enough while a writer lives,
 * since it cuts a torn write before it goes on; and it spares 10 µs a line. `parsesLines` asks for the whole JSON.
 */
export function takeBatch(chunk: Chunk, from: Position, limits: ReadLimits, parsesLines: boolean): SpoolBatch {
  const { bytes, at } = chunk;
  const start = from.offset - at.offset;
  const mayHoldNul = bytes.includes(0, start);
  const lines: Buffer[] = [];
  const unreadable: UnreadableLine[] = [];
  let isBodyWhole = true;
  let next = start;
  while (next < bytes.length && lines.length + unreadable.length < limits.maxLines) {
    const end = bytes.indexOf(LINE_FEED, next);
    if (end + 1 - start > limits.maxBytes && next > start) break;
    if (end === next) {
      isBodyWhole = false;
    } else {
      const line = bytes.subarray(next, end);
      const reason = reasonAgainst(line, mayHoldNul, parsesLines);
      if (reason === undefined) lines.push(line);
      else unreadable.push(unreadableLine({ segment: at.segment, offset: at.offset + next }, reason, line));
    }
    next = end + 1;
  }
  const to = { segment: at.segment, offset: at.offset + next };
  if (isBodyWhole && unreadable.length === 0) return { lines, body: bytes.subarray(start, next), unreadable, from, to };
  const body = joinLines(lines);
  return { lines: body.lines, body: body.bytes, unreadable, from, to };
}

/** A batch of one piece that is no line. */
export function batchOfUnreadable(from: Position, to: Position, reason: UnreadableReason, bytes: Buffer): SpoolBatch {
  return { lines: [], body: Buffer.alloc(0), unreadable: [unreadableLine(from, reason, bytes)], from, to };
}

export function reasonForTornEnd(bytes: Buffer): UnreadableReason {
  return bytes.includes(0) ? 'nul_bytes' : 'torn';
}

function reasonAgainst(line: Buffer, mayHoldNul: boolean, parses: boolean): UnreadableReason | undefined {
  if (line.length > MAX_LINE_BYTES) return 'line_too_large';
  if (mayHoldNul && line.includes(0)) return 'nul_bytes';
  if (line[0] !== OPENING_BRACE || line[line.length - 1] !== CLOSING_BRACE) return 'not_json';
  if (!parses) return undefined;
  try {
    JSON.parse(line.toString('utf8'));
    return undefined;
  } catch {
    return 'not_json';
  }
}

function unreadableLine(at: Position, reason: UnreadableReason, bytes: Buffer): UnreadableLine {
  return { at, reason, bytes: Buffer.from(bytes.subarray(0, SAMPLE_BYTES)) };
}

function joinLines(lines: readonly Buffer[]): { bytes: Buffer; lines: Buffer[] } {
  const bytes = Buffer.allocUnsafe(lines.reduce((sum, line) => sum + line.length + 1, 0));
  const joined: Buffer[] = [];
  let at = 0;
  for (const line of lines) {
    line.copy(bytes, at);
    joined.push(bytes.subarray(at, at + line.length));
    at += line.length;
    bytes[at] = LINE_FEED;
    at += 1;
  }
  return { bytes, lines: joined };
}
