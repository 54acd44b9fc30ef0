/**
 * The sink to a file: JSON lines, with rotation.
 *
 * The active file keeps its name. When it is large or old enough it is renamed to `<name>-<time>-<n><extension>`,
 * compressed in the background, and the oldest beyond `maxFiles` go. Lines are appended whole: what a failed write left
 * of a batch is cut off again. Several processes may append to one file; one that finds that another has rotated it opens
 * the new one.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Sink, SinkContext, SinkOutcome } from '../delivery/sink.ts';
import type { SinkSpec } from '../delivery/types.ts';

export interface FileSinkOptions {
  /** The active file; its folder is made if it isn't there. */
  readonly path: string;
  /** A file that reached this size, in bytes, is rotated. @defaultValue 64 MiB */
  readonly maxBytes?: number;
  /** A file that is older than this, in milliseconds, is rotated before the next write. @defaultValue one day */
  readonly maxAgeMs?: number;
  /** Rotated files that are kept. @defaultValue 14 */
  readonly maxFiles?: number;
  /** Compress rotated files. @defaultValue true */
  readonly gzip?: boolean;
  /** Force each batch to the device before it counts as delivered. @defaultValue false */
  readonly fsync?: boolean;
  /** Names the sink in metrics and messages. @defaultValue `file` */
  readonly name?: string;
}

/** Writes events to a file, with rotation by size and age. */
export function fileSink(options: FileSinkOptions): SinkSpec {
  return { kind: 'builtin', name: 'file', options: { ...options, path: resolve(options.path) } };
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly openedAt: number;
  bytes: number;
}

export function createSink(options: FileSinkOptions, context: SinkContext): Sink {
  const { path } = options;
  const maxBytes = options.maxBytes ?? 64 << 20;
  const maxAgeMs = options.maxAgeMs ?? 86_400_000;
  const maxFiles = options.maxFiles ?? 14;
  const extension = extname(path);
  const stem = basename(path, extension);
  let file: OpenFile | undefined;
  let rotations = 0;
  /** One thing at a time: writes and rotations. */
  let last: Promise<unknown> = Promise.resolve();
  /** Compression and clearing, beside the writes. */
  let tidying: Promise<unknown> = Promise.resolve();

  async function openFile(): Promise<OpenFile> {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'a');
    const info = await handle.stat();
    const openedAt = info.size > 0 ? info.birthtimeMs || info.mtimeMs : Date.now();
    return { handle, inode: info.ino, openedAt, bytes: info.size };
  }

  async function closeFile(): Promise<void> {
    const closing = file;
    file = undefined;
    await closing?.handle.close();
  }

  /** The file to write to now: opened, rotated or opened anew as needed. */
  async function currentFile(incoming: number): Promise<OpenFile> {
    const named = await stat(path).catch(() => undefined);
    if (file !== undefined && named?.ino !== file.inode) await closeFile();
    file ??= await openFile();
    if (named !== undefined) file.bytes = named.size;
    const isDue = file.bytes > 0 && (file.bytes + incoming > maxBytes || Date.now() - file.openedAt >= maxAgeMs);
    if (!isDue) return file;
    await closeFile();
    rotations += 1;
    const time = new Date().toISOString().replaceAll(/[-:.]/g, '');
    const rotated = join(dirname(path), `${stem}-${time}-${process.pid}-${rotations}${extension}`);
    await rename(path, rotated);
    tidying = tidying
      .then(() => tidy(rotated))
      .catch((error: unknown) => context.notice('file_not_tidied', `${path}: ${error}`));
    file = await openFile();
    return file;
  }

  async function tidy(rotated: string): Promise<void> {
    if (options.gzip ?? true) {
      const partial = `${rotated}.gz.partial`;
      await pipeline(createReadStream(rotated), createGzip(), createWriteStream(partial));
      await rename(partial, `${rotated}.gz`);
      await unlink(rotated);
    }
    const isRotated = new RegExp(
      `^${escapeForRegExp(stem)}-\\d{8}T\\d{9}Z-\\d+-\\d+${escapeForRegExp(extension)}(?:\\.gz)?$`,
    );
    const names = (await readdir(dirname(path))).filter((name) => isRotated.test(name)).sort();
    for (const name of names.slice(0, Math.max(0, names.length - maxFiles))) await unlink(join(dirname(path), name));
  }

  async function append(body: Buffer): Promise<SinkOutcome> {
    let target: OpenFile | undefined;
    try {
      target = await currentFile(body.length);
      await target.handle.appendFile(body);
      if (options.fsync) await target.handle.datasync();
      target.bytes += body.length;
      return { kind: 'delivered' };
    } catch (error) {
      await target?.handle.truncate(target.bytes).catch(() => {});
      await closeFile().catch(() => {});
      return { kind: 'retry', reason: `${path}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  return {
    name: options.name ?? 'file',
    send(batch, signal) {
      const outcome = last.then((): SinkOutcome | Promise<SinkOutcome> =>
        signal.aborted ? { kind: 'retry', reason: `${path}: the time was over before its turn` } : append(batch.body),
      );
      last = outcome;
      return outcome;
    },
    async close() {
      await last;
      await closeFile();
      await tidying;
    },
  };
}

function escapeForRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
