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

/** The same question where only the beginning is at hand. */
export function fitsHead(print: FilePrint, start: Buffer): boolean {
  const bytes = Math.min(print.at, HEAD_BYTES);
  return start.length >= bytes && hashOf(start.subarray(0, bytes)) === print.head;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24);
}
