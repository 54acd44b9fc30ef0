/**
 * What a file is known by, since names are given away at each rotation and inodes are used again: the hash of its first
 * bytes, and of those before the place up to which it was read. Both lie before that place, so they never change while the
 * file is the same; a file that was truncated, a new one on an old inode, and a copy all show by them.
 */
import { createHash } from 'node:crypto';

export interface FilePrint {
  /** The place up to which the file was read when the print was taken. */
  readonly at: number;
  readonly head: string;
  readonly tail: string;
}

export const HEAD_BYTES = 1024;
export const TAIL_BYTES = 256;

/** Of a file of which nothing was read: fits every file. */
export const EMPTY_PRINT: FilePrint = { at: 0, head: hashOf(Buffer.alloc(0)), tail: hashOf(Buffer.alloc(0)) };

/** Reads so many bytes at a place; fewer where the file ends. */
export type ReadAt = (offset: number, length: number) => Buffer;

export function takePrint(at: number, readAt: ReadAt): FilePrint {
  const tailBytes = Math.min(at, TAIL_BYTES);
  return {
    at,
    head: hashOf(readAt(0, Math.min(at, HEAD_BYTES))),
    tail: hashOf(readAt(at - tailBytes, tailBytes)),
  };
}

/** True where the file begins as the one did that the print was taken of, up to the place where it was taken. */
export function fitsPrint(print: FilePrint, readAt: ReadAt): boolean {
  const { at, head, tail } = print;
  if (hashOf(readAt(0, Math.min(at, HEAD_BYTES))) !== head) return false;
  const tailBytes = Math.min(at, TAIL_BYTES);
  return hashOf(readAt(at - tailBytes, tailBytes)) === tail;
}

/**
 * The print of a file, taken from its bytes as they are read: what the file holds a moment later may be something else, and
 * a print of that would fit neither the file nor its copy.
 */
export class RunningPrint {
  #head: Buffer = Buffer.alloc(0);
  /** The last bytes before `#at`: the last piece, and some of what came before it. */
  #window: Buffer = Buffer.alloc(0);
  #at: number;

  /** @param before - the first and the last bytes of what lies before `at`, as they were read. */
  constructor(at = 0, before?: { readonly head: Buffer; readonly tail: Buffer }) {
    this.#at = at;
    if (before !== undefined) {
      this.#head = before.head;
      this.#window = before.tail;
    }
  }

  get at(): number {
    return this.#at;
  }

  /** The first bytes of the file, as far as they are known once `chunk` has come. */
  headWith(chunk: Buffer): Buffer {
    const missing = HEAD_BYTES - this.#head.length;
    return missing > 0 ? Buffer.concat([this.#head, chunk.subarray(0, missing)]) : this.#head;
  }

  push(chunk: Buffer): void {
    this.#head = this.headWith(chunk);
    this.#window = Buffer.concat([this.#window.subarray(-TAIL_BYTES), chunk]);
    this.#at += chunk.length;
  }

  /** The print up to a place; `undefined` where its last bytes aren't at hand any more. */
  upTo(place: number): FilePrint | undefined {
    const start = this.#at - this.#window.length;
    if (place > this.#at || Math.max(0, place - TAIL_BYTES) < start) {
      return place <= this.#head.length ? takePrint(place, readIn(this.#head, 0)) : undefined;
    }
    return takePrint(place, (offset, length) =>
      offset === 0 && length <= this.#head.length
        ? this.#head.subarray(0, length)
        : readIn(this.#window, start)(offset, length),
    );
  }

  /** The print that covers most of what lies before a place. */
  upToAtMost(place: number): FilePrint {
    return this.upTo(place) ?? takePrint(this.#head.length, readIn(this.#head, 0));
  }
}

function readIn(bytes: Buffer, start: number): ReadAt {
  return (offset, length) => bytes.subarray(offset - start, offset - start + length);
}

/** The same question where only the beginning is at hand. */
export function fitsHead(print: FilePrint, start: Buffer): boolean {
  const bytes = Math.min(print.at, HEAD_BYTES);
  return start.length >= bytes && hashOf(start.subarray(0, bytes)) === print.head;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24);
}
