/**
 * The lines that were published last, still in memory: a reader that keeps up need neither read them from the disk nor
 * parse them again. They are the end of the queue, without a gap; a reader further back reads the disk until it has
 * come to their beginning. Bounded: when there are too many, all are let go, and the memory begins anew at the end.
 */
import { comparePositions, type Position } from 'tailrace/spool';
import type { CheckedLine } from './queue.ts';

export interface RecentBatch {
  readonly lines: readonly string[];
  readonly checked: readonly (CheckedLine | undefined)[];
  readonly end: Position;
}

/** Lines that were written with one write, into one segment. */
interface Chunk {
  readonly lines: readonly string[];
  readonly checked: readonly (CheckedLine | undefined)[];
  readonly bytes: number;
  readonly end: Position;
}

export class RecentLines {
  readonly #maxBytes: number;
  readonly #chunks: Chunk[] = [];
  #bytes = 0;
  /** From here on all lines are in the chunks. */
  #start: Position;

  /** @param start - the end of the queue */
  constructor(start: Position, maxBytes: number) {
    this.#start = start;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes;
    if (this.#bytes > this.#maxBytes) this.restart(chunk.end);
  }

  /** Lets everything go: from `start` on, which is the end of the queue, it is complete again. */
  restart(start: Position): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#start = start;
  }

  /** True where everything behind a place is here, so that nobody needs to look for it on the disk. */
  covers(place: Position): boolean {
    return comparePositions(place, this.#start) >= 0;
  }

  /** The next lines behind a place, `undefined` where there are none here. They are not kept. */
  take(place: Position, maxLines: number): RecentBatch | undefined {
    if (!this.covers(place)) return undefined;
    this.#dropUntil(place);
    const lines: string[] = [];
    const checked: (CheckedLine | undefined)[] = [];
    let end: Position | undefined;
    while (lines.length < maxLines) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) break;
      const [taken, rest] = splitChunk(chunk, maxLines - lines.length);
      for (const line of taken.lines) lines.push(line);
      for (const one of taken.checked) checked.push(one);
      end = taken.end;
      this.#bytes -= taken.bytes;
      if (rest !== undefined) this.#chunks.unshift(rest);
    }
    if (end === undefined) return undefined;
    this.#start = end;
    return { lines, checked, end };
  }

  /** Lets go of what lies before a place: it was read from the disk. */
  #dropUntil(place: Position): void {
    this.#start = place;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      if (beginOf(chunk) >= place.offset && chunk.end.segment === place.segment) return;
      if (chunk.end.segment > place.segment) return;
      this.#chunks.shift();
      this.#bytes -= chunk.bytes;
      if (comparePositions(chunk.end, place) <= 0) continue;
      const [before, rest] = splitChunk(chunk, linesBefore(chunk, place.offset));
      if (rest === undefined) continue;
      this.#chunks.unshift(rest);
      this.#bytes += chunk.bytes - before.bytes;
      return;
    }
  }
}

function beginOf({ end, bytes }: Chunk): number {
  return end.offset - bytes;
}

function linesBefore(chunk: Chunk, offset: number): number {
  let at = beginOf(chunk);
  let count = 0;
  for (; at < offset && count < chunk.lines.length; count += 1) at += bytesOf(chunk.lines[count]);
  return count;
}

/** The first lines of a chunk, and what is left of it. */
function splitChunk(chunk: Chunk, count: number): readonly [Chunk, Chunk | undefined] {
  if (count >= chunk.lines.length) return [chunk, undefined];
  const lines = chunk.lines.slice(0, count);
  const bytes = lines.reduce((sum, line) => sum + bytesOf(line), 0);
  const end = { segment: chunk.end.segment, offset: beginOf(chunk) + bytes };
  return [
    { lines, checked: chunk.checked.slice(0, count), bytes, end },
    {
      lines: chunk.lines.slice(count),
      checked: chunk.checked.slice(count),
      bytes: chunk.bytes - bytes,
      end: chunk.end,
    },
  ];
}

function bytesOf(line: string | undefined): number {
  return line === undefined ? 0 : Buffer.byteLength(line) + 1;
}
