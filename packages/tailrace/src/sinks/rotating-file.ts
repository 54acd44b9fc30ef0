/**
 * A file that is appended to and rotated.
 *
 * The active file keeps its name. When it is large or old enough it is renamed to `<name>-<time>-<pid>-<n><extension>`,
 * compressed in the background, and the oldest beyond `maxFiles` go. Lines are appended whole: what a failed write left is
 * cut off again. Several processes may append to one file; one that finds that another has rotated it opens the new one.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { makeFolder } from '../spool/make-folder.ts';

export interface RotationOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly maxFiles: number;
  readonly gzip: boolean;
  readonly fsync: boolean;
  /** Told when a rotated file could not be compressed or removed. */
  readonly onFault: (error: unknown) => void;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly begunAt: number;
  bytes: number;
}

export class RotatingFile {
  readonly #options: RotationOptions;
  #file: OpenFile | undefined;
  #rotations = 0;
  /** Compression and clearing, beside the writes. */
  #tidying: Promise<unknown> = Promise.resolve();

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  /** Appends whole lines; one call at a time. Rejects where they could not be written, and then none of them stays. */
  async append(body: Buffer): Promise<void> {
    const file = await this.#currentFile(body.length);
    try {
      await file.handle.appendFile(body);
      if (this.#options.fsync) await file.handle.datasync();
      file.bytes += body.length;
    } catch (error) {
      await file.handle.truncate(file.bytes).catch(() => {});
      await this.#close().catch(() => {});
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#close();
    await this.#tidying;
  }

  /** The file to write to now: opened, rotated or opened anew as needed. */
  async #currentFile(incoming: number): Promise<OpenFile> {
    const { path, maxBytes, maxAgeMs, onFault } = this.#options;
    const named = await stat(path).catch(() => undefined);
    if (this.#file !== undefined && named?.ino !== this.#file.inode) await this.#close();
    const file = this.#file ?? (await this.#open());
    if (named !== undefined) file.bytes = named.size;
    const isDue = file.bytes > 0 && (file.bytes + incoming > maxBytes || Date.now() - file.begunAt >= maxAgeMs);
    if (!isDue) return file;
    await this.#close();
    const rotated = this.#nextName();
    await rename(path, rotated);
    this.#tidying = this.#tidying.then(() => this.#tidy(rotated)).catch(onFault);
    return this.#open();
  }

  async #open(): Promise<OpenFile> {
    const { path } = this.#options;
    await makeFolder(dirname(path));
    const handle = await open(path, 'a');
    const info = await handle.stat();
    const begunAt = info.size > 0 ? info.birthtimeMs || info.mtimeMs : Date.now();
    this.#file = { handle, inode: info.ino, begunAt, bytes: info.size };
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  #nextName(): string {
    const { path } = this.#options;
    this.#rotations += 1;
    const time = new Date().toISOString().replaceAll(/[-:.]/g, '');
    const count = String(this.#rotations).padStart(6, '0');
    return join(dirname(path), `${this.#stem()}-${time}-${process.pid}-${count}${extname(path)}`);
  }

  async #tidy(rotated: string): Promise<void> {
    const { path, gzip, maxFiles } = this.#options;
    if (gzip) {
      const partial = `${rotated}.gz.partial`;
      await pipeline(createReadStream(rotated), createGzip(), createWriteStream(partial));
      await rename(partial, `${rotated}.gz`);
      await unlink(rotated);
    }
    const names = await readdir(dirname(path));
    const isRotated = new RegExp(
      `^${escapeForRegExp(this.#stem())}-\\d{8}T\\d{9}Z-\\d+-\\d+${escapeForRegExp(extname(path))}(?:\\.gz)?$`,
    );
    const kept = names.filter((name) => isRotated.test(name)).sort();
    for (const name of kept.slice(0, Math.max(0, kept.length - maxFiles))) await unlink(join(dirname(path), name));
  }

  #stem(): string {
    return basename(this.#options.path, extname(this.#options.path));
  }
}

function escapeForRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
