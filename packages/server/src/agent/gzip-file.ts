/** A rotated file that was compressed, read as if it weren't: by place in what it holds. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { type FilePrint, fitsHead, fitsPrint, HEAD_BYTES, TAIL_BYTES } from './file-print.ts';

/** What the file holds from `from` on, in pieces. @throws what zlib says of a file that is broken or not complete yet */
export async function* readGzip(path: string, from: number): AsyncGenerator<Buffer> {
  const source = createReadStream(path, { highWaterMark: 64 * 1024 });
  const unzip = createGunzip({ chunkSize: 64 * 1024 });
  source.on('error', (error) => unzip.destroy(error));
  source.pipe(unzip);
  let at = 0;
  try {
    for await (const chunk of unzip) {
      if (!Buffer.isBuffer(chunk)) continue;
      const skip = Math.max(0, from - at);
      at += chunk.length;
      if (skip < chunk.length) yield chunk.subarray(skip);
    }
  } finally {
    source.destroy();
    unzip.destroy();
  }
}

/** The prints, of several, that what this file holds fits. One pass, which ends where the last print does. */
export async function printsThatFit(path: string, prints: readonly FilePrint[]): Promise<readonly FilePrint[]> {
  let head = Buffer.alloc(0);
  let kept = Buffer.alloc(0);
  let at = 0;
  let left = [...prints].sort((a, b) => a.at - b.at);
  const fitting: FilePrint[] = [];
  for await (const chunk of readGzip(path, 0)) {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
    kept = Buffer.concat([kept.subarray(-TAIL_BYTES), chunk]);
    at += chunk.length;
    const start = at - kept.length;
    if (head.length >= HEAD_BYTES) left = left.filter((print) => fitsHead(print, head));
    while (left[0] !== undefined && left[0].at <= at) {
      const print = left.shift();
      const readAt = (offset: number, length: number): Buffer =>
        offset === 0 && length <= head.length
          ? head.subarray(0, length)
          : kept.subarray(offset - start, offset - start + length);
      if (print !== undefined && fitsHead(print, head) && fitsPrint(print, readAt)) fitting.push(print);
    }
    if (left.length === 0) break;
  }
  return fitting;
}
