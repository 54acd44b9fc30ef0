/** A rotated file that was compressed, read as if it weren't. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { type FilePrint, fitsHead, HEAD_BYTES, RunningPrint } from './file-print.ts';
import { openAs } from './followed-file.ts';

/** Another file lies at the path by now. */
export class FileMoved extends Error {}

/**
 * What the file holds, in pieces.
 *
 * @throws FileMoved where the file at this path isn't the one of this identity
 * @throws what zlib says of a file that is broken or not complete yet
 */
export async function* readGzip(path: string, identity: string): AsyncGenerator<Buffer> {
  const fd = openAs(path, identity);
  if (fd === undefined) throw new FileMoved(path);
  const source = createReadStream(path, { fd, highWaterMark: 64 * 1024 });
  const unzip = createGunzip({ chunkSize: 64 * 1024 });
  source.on('error', (error) => unzip.destroy(error));
  source.pipe(unzip);
  try {
    for await (const chunk of unzip) if (Buffer.isBuffer(chunk)) yield chunk;
  } finally {
    source.destroy();
    unzip.destroy();
  }
}

/** The prints, of several, that what this file holds fits. One pass, which ends where the last print does. @throws as `readGzip` */
export async function printsThatFit(
  path: string,
  identity: string,
  prints: readonly FilePrint[],
): Promise<readonly FilePrint[]> {
  const running = new RunningPrint();
  let left = [...prints].sort((a, b) => a.at - b.at);
  const fitting: FilePrint[] = [];
  for await (const chunk of readGzip(path, identity)) {
    running.push(chunk);
    const head = running.headWith(Buffer.alloc(0));
    if (head.length >= HEAD_BYTES) left = left.filter((print) => fitsHead(print, head));
    while (left[0] !== undefined && left[0].at <= running.at) {
      const print = left.shift();
      if (print !== undefined && isSamePrint(running.upTo(print.at), print)) fitting.push(print);
    }
    if (left.length === 0) break;
  }
  return fitting;
}

export function isSamePrint(a: FilePrint | undefined, b: FilePrint): boolean {
  return a !== undefined && a.at === b.at && a.head === b.head && a.tail === b.tail;
}
