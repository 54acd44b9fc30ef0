/** A disk of a few megabytes, which can be full or read-only: a tmpfs of the campaign's own, where it may mount one. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const DISK_BYTES = 3 * 1024 * 1024;
const BLOCK = Buffer.alloc(64 * 1024, 'f');

export class SmallDisk {
  readonly folder: string;
  #isMounted = true;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @returns undefined where this process may not mount anything. */
  static async mount(folder: string): Promise<SmallDisk | undefined> {
    if (process.platform !== 'linux') return undefined;
    await mkdir(folder, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=0700`, 'tailrace-faults', folder], {
        stdio: 'ignore',
      });
    } catch {
      return undefined;
    }
    return new SmallDisk(folder);
  }

  /** Writes a file until nothing more goes onto the disk. */
  fill(): void {
    const fd = openSync(this.#ballast, 'a');
    try {
      // In ever smaller pieces, so that the last page is full too.
      for (let bytes = BLOCK.length; bytes >= 1; ) {
        if (!writeWhole(fd, BLOCK.subarray(0, bytes))) bytes = Math.floor(bytes / 8);
      }
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** @throws Error where a file is open for writing on it. */
  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.folder], { stdio: 'pipe' });
  }

  makeWritable(): void {
    execFileSync('mount', ['-o', 'remount,rw', this.folder], { stdio: 'pipe' });
  }

  unmount(): void {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' });
  }

  get #ballast(): string {
    return join(this.folder, 'ballast');
  }
}

function writeWhole(fd: number, bytes: Buffer): boolean {
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
