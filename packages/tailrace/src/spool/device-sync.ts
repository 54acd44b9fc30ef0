import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from './segment.ts';

const fdatasyncAsync = promisify(fdatasync);

/**
 * Forces files to the device in the background, never two at once: a call that comes while one is at work waits for the
 * next, together with all others that came meanwhile. It also closes files that are written to no more, since a file may
 * only be closed when it has been forced.
 */
export class DeviceSync {
  readonly #directory: string;
  readonly #onOutcome: (error: unknown) => void;
  #dirty = new Set<number>();
  #retired = new Set<number>();
  #isDirectoryDirty = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param onOutcome - told after each run: the error, or `undefined` when all went well. */
  constructor(directory: string, onOutcome: (error: unknown) => void) {
    this.#directory = directory;
    this.#onOutcome = onOutcome;
  }

  /** The file was written to. */
  touch(fd: number): void {
    this.#dirty.add(fd);
  }

  /** A file was made: without its folder forced too, it may be gone after a power cut. */
  touchDirectory(): void {
    this.#isDirectoryDirty = true;
  }

  /** The file is written to no more: it is forced, then closed. */
  retire(fd: number): void {
    this.#retired.add(fd);
    this.#inBackground();
  }

  /** Starts a run when anything is dirty. */
  runIfDirty(): void {
    if (this.#running === undefined && (this.#dirty.size > 0 || this.#isDirectoryDirty)) this.#inBackground();
  }

  /** Resolves when all that was written before this call is on the device; rejects when it isn't. */
  run(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  /** Forces one file now; throws what the system says. */
  runNow(fd: number): void {
    if (this.#isDirectoryDirty) {
      syncDirectoryNow(this.#directory);
      this.#isDirectoryDirty = false;
    }
    fdatasyncSync(fd);
    this.#dirty.delete(fd);
  }

  #inBackground(): void {
    // Its outcome is told through onOutcome; nobody waits for this promise.
    this.run().catch(() => undefined);
  }

  #start(): Promise<void> {
    const running = this.#forceAll();
    this.#running = running;
    const done = () => {
      this.#running = undefined;
    };
    running.then(done, done);
    return running;
  }

  async #forceAll(): Promise<void> {
    const dirty = this.#dirty;
    const retired = this.#retired;
    const isDirectoryDirty = this.#isDirectoryDirty;
    this.#dirty = new Set();
    this.#retired = new Set();
    this.#isDirectoryDirty = false;
    let failure: unknown;
    for (const fd of new Set([...dirty, ...retired])) {
      try {
        await fdatasyncAsync(fd);
      } catch (error) {
        failure ??= error;
        if (!retired.has(fd)) this.#dirty.add(fd);
      }
    }
    for (const fd of retired) closeSync(fd);
    if (isDirectoryDirty) {
      try {
        await syncDirectory(this.#directory);
      } catch (error) {
        // A folder that is gone is made again with the next segment, which says so then.
        if (!hasCode(error, 'ENOENT')) {
          failure ??= error;
          this.#isDirectoryDirty = true;
        }
      }
    }
    // A file that was retired while its bytes were being forced is closed by the run after this one.
    for (const fd of retired) this.#dirty.delete(fd);
    this.#onOutcome(failure);
    if (failure !== undefined) throw failure;
  }
}

/** Makes the names in a folder durable: files that were made, renamed or removed there. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows can't open a folder, and needs none of this.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function syncDirectoryNow(directory: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
