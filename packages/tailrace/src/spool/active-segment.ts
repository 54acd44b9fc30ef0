import { fstatSync, ftruncateSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { highestCursorSegment } from './cursor.ts';
import type { DeviceSync } from './device-sync.ts';
import { makeSpoolFolder } from './make-folder.ts';
import type { Position } from './position.ts';
import { FILE_MODE, hasCode, LINE_FEED, listSegmentsSync, segmentPath } from './segment.ts';

/** What a write came to: bytes of whole lines that are in the file, and why there are not more. */
export interface WriteOutcome {
  readonly writtenBytes: number;
  readonly error?: unknown;
}

/** After these a file is of no use, even an empty one. */
const SPOILS_THE_FILE = ['EIO', 'EBADF', 'ESTALE'];

/** The segment that is being written: takes whole lines, cuts what a failed write tore, and begins the next segment. */
export class ActiveSegment {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #device: DeviceSync;
  #fd: number | undefined;
  #segment: number;
  #offset = 0;

  /** @param segment - the number of the first segment to make. */
  constructor(directory: string, segment: number, segmentBytes: number, device: DeviceSync) {
    this.#directory = directory;
    this.#segment = segment;
    this.#segmentBytes = segmentBytes;
    this.#device = device;
  }

  /** The file that is open now. */
  get fd(): number | undefined {
    return this.#fd;
  }

  position(): Position {
    return { segment: this.#segment, offset: this.#offset };
  }

  /** Makes folder and file where there is none open. @throws what the system says */
  open(): void {
    if (this.#fd !== undefined) return;
    makeSpoolFolder(this.#directory);
    const made = this.#create(this.#segment);
    this.#fd = made.fd;
    this.#segment = made.segment;
    this.#offset = 0;
  }

  /** Writes the first `length` bytes of `lines`, which end with a line feed. Never throws. */
  write(lines: Buffer, length: number): WriteOutcome {
    let writtenBytes = 0;
    try {
      this.open();
      if (this.#offset > 0 && this.#offset + length > this.#segmentBytes) this.#beginNextIfPossible();
      const fd = this.#fd;
      if (fd === undefined) throw new Error('no segment is open');
      this.#device.touch(fd);
      while (writtenBytes < length) writtenBytes += writeSync(fd, lines, writtenBytes, length - writtenBytes);
      this.#offset += length;
      return { writtenBytes };
    } catch (error) {
      const whole = writtenBytes === 0 ? 0 : lines.lastIndexOf(LINE_FEED, writtenBytes - 1) + 1;
      this.#offset += whole;
      this.#leaveFailed(error);
      return { writtenBytes: whole, error };
    }
  }

  /** Ends the file; the next one is begun at once where the disk allows, since only its being there tells a reader. */
  seal(): void {
    if (this.#fd === undefined || this.#offset === 0) return;
    this.#leave();
    this.open();
  }

  /** True where somebody removed the file that is being written: what goes into it now is lost. */
  isGone(): boolean {
    return this.#fd !== undefined && fstatSync(this.#fd).nlink === 0;
  }

  /** Goes on in a new file. */
  leave(): void {
    if (this.#fd !== undefined) this.#leave();
  }

  #leave(): void {
    if (this.#fd !== undefined) this.#device.retire(this.#fd);
    this.#fd = undefined;
    this.#segment += 1;
    this.#offset = 0;
  }

  #beginNextIfPossible(): void {
    let made: { fd: number; segment: number };
    try {
      made = this.#create(this.#segment + 1);
    } catch {
      // Out of descriptors, say. An over-long segment is better than a lost line.
      return;
    }
    this.#leave();
    this.#fd = made.fd;
    this.#segment = made.segment;
  }

  #create(from: number): { fd: number; segment: number } {
    for (let segment = from; ; segment += 1) {
      try {
        const fd = openSync(segmentPath(this.#directory, segment), 'ax', FILE_MODE);
        this.#device.touchDirectory();
        return { fd, segment };
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
      }
    }
  }

  /**
   * A line that was written half would run into the next one. A reader takes nothing after the last line feed, so the half
   * can be cut away while readers are at work; where it can't be, it ends the file as a torn line.
   *
   * A file that has lines is left after any failure: it may be the file that is bad, and on a full disk readers can free a
   * segment only when a later one is there. An empty one is kept, lest each new try leave one more.
   */
  #leaveFailed(cause: unknown): void {
    if (this.#fd === undefined) return;
    let isCut = true;
    try {
      ftruncateSync(this.#fd, this.#offset);
    } catch {
      isCut = false;
    }
    if (this.#offset > 0 || !isCut) {
      this.#leave();
    } else if (SPOILS_THE_FILE.some((code) => hasCode(cause, code))) {
      rmSync(segmentPath(this.#directory, this.#segment), { force: true });
      this.#leave();
    }
  }
}

/** The number after the highest that a segment or a cursor has: a cursor may outlive its segment in a power cut. */
export function firstFreeSegment(directory: string): number {
  try {
    readdirSync(directory);
  } catch {
    return 1;
  }
  const highest = listSegmentsSync(directory).at(-1)?.segment ?? 0;
  return Math.max(highest, highestCursorSegment(directory)) + 1;
}
