import type { Position } from './position.ts';

/** When bytes that were written are also forced to the device: never, every so many milliseconds, or at each write. */
export type FsyncPolicy = 'off' | 'always' | number;

export interface SpoolOptions {
  /** The folder of this producer; it is made if it isn't there. */
  readonly directory: string;
  /** Bound on all segments together. @defaultValue 1 GiB */
  readonly maxBytes?: number;
  /** Part of `maxBytes` that only urgent lines may use. @defaultValue a tenth of `maxBytes` */
  readonly reserveBytes?: number;
  /** A segment that reached this size is sealed. @defaultValue 16 MiB */
  readonly segmentBytes?: number;
  /** @defaultValue 1000 (milliseconds) */
  readonly fsync?: FsyncPolicy;
  /** Bound on the lines held in memory while the disk takes none. @defaultValue 8 MiB */
  readonly memoryBytes?: number;
  /** Told once for each change of state: disk full, unwritable, writable again, … */
  readonly onNotice?: (notice: SpoolNotice) => void;
  /** Told of every line that is lost, with its number (0 for a line that has none) and the reason. */
  readonly onDrop?: (sequence: number, reason: DropReason) => void;
}

export type DropReason = 'spool_full' | 'memory_full' | 'line_too_large' | 'spool_closed';

export interface SpoolNotice {
  readonly code: string;
  readonly message: string;
}

/** The writing end. All of it is synchronous, and none of it throws once the spool is open. */
export interface Spool {
  readonly directory: string;
  /**
   * Takes one line (JSON without line feed). Lines of one turn of the event loop go out with one `write`; an urgent line
   * is written before `append` returns, together with those that wait.
   *
   * @param sequence - the event's sequence number, 0 for a line that has none (a ledger line).
   */
  append(line: string, sequence: number, urgent: boolean): void;
  /** Writes what waits, now. */
  flush(): void;
  /** Writes what waits and forces it to the device; resolves when it is there. Concurrent calls share one `fdatasync`. */
  sync(): Promise<void>;
  /** Seals the active segment, so that its file never changes again. */
  seal(): void;
  /** The place after the last written line. */
  position(): Position;
  stats(): SpoolStats;
  close(): void;
}

export interface SpoolStats {
  /** Bytes in all segments on disk. */
  readonly bytes: number;
  readonly segments: number;
  /** Lines and bytes in memory, not yet on disk. */
  readonly waitingLines: number;
  readonly waitingBytes: number;
  /** `disk` when healthy, `memory` while the disk takes nothing, `stderr` when memory is full too. */
  readonly stage: 'disk' | 'memory' | 'stderr';
}

export interface SpoolBatch {
  /** Lines without line feed, in order; subarrays of `body`. */
  readonly lines: readonly Buffer[];
  /** The readable lines as NDJSON, each ended by a line feed. */
  readonly body: Buffer;
  /** Lines that can't be read (not JSON, over-long, cut in the middle), with where and why. */
  readonly unreadable: readonly { readonly at: Position; readonly reason: string; readonly bytes: Buffer }[];
  readonly from: Position;
  /** The place after the batch; `commit` it when every line is delivered, dead or counted as dropped. */
  readonly to: Position;
}

export interface ReadLimits {
  readonly maxLines: number;
  readonly maxBytes: number;
}

/** The reading end of one route: reads on from where the last read ended, and moves the route's durable cursor. */
export interface SpoolReader {
  /** The next lines that are complete, `undefined` when there are none now. */
  read(limits: ReadLimits): Promise<SpoolBatch | undefined>;
  /** Goes back to the cursor, so that what was read and not committed is read again. */
  rewind(): void;
  /** Makes the cursor durable at `to`, then frees segments that every cursor has passed. */
  commit(to: Position): Promise<void>;
  /** The durable cursor. */
  cursor(): Position;
  /** Bytes after the durable cursor. */
  backlogBytes(): Promise<number>;
  close(): Promise<void>;
}
