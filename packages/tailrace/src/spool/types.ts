import type { Position } from './position.ts';

/**
 * When bytes that were written are also forced to the device: `off` leaves it to the system, a number forces them every
 * so many milliseconds in the background, `always` forces them before `append` returns for an urgent line and at the end
 * of the turn for the others. A sealed segment is forced in the background whatever the setting.
 */
export type FsyncPolicy = 'off' | 'always' | number;

export interface SpoolOptions {
  /** The folder of this producer; it is made if it isn't there. */
  readonly directory: string;
  /** Bound on all segments together, in bytes. @defaultValue 1 GiB */
  readonly maxBytes?: number;
  /** Part of `maxBytes` that only urgent lines may use. @defaultValue a tenth of `maxBytes` */
  readonly reserveBytes?: number;
  /**
   * A segment that would grow over this size is sealed, and the next one begun; a quarter of `maxBytes` at most.
   *
   * @defaultValue 16 MiB
   */
  readonly segmentBytes?: number;
  /** @defaultValue 1000 (milliseconds) */
  readonly fsync?: FsyncPolicy;
  /** Bound on the lines held in memory while the disk takes none. @defaultValue 8 MiB */
  readonly memoryBytes?: number;
  /**
   * The lowest number that the first new segment may get. A reader whose place is kept elsewhere (in a store's manifest)
   * passes that place's segment + 1, so that a place never comes to mean other lines after a power cut took a segment.
   *
   * @defaultValue one more than the highest segment and cursor in the folder
   */
  readonly minSegment?: number;
  /** Told once for each change of state: disk full, unwritable, writable again, … */
  readonly onNotice?: (notice: SpoolNotice) => void;
  /** Told of every line that is lost, with its number (0 for a line that has none) and the reason. */
  readonly onDrop?: (sequence: number, reason: DropReason) => void;
}

/**
 * Why a line was dropped: the segments are at their bound; the disk takes nothing and memory is full; the line is over
 * 1 MiB; or it came after `close`.
 */
export type DropReason = 'spool_full' | 'memory_full' | 'line_too_large' | 'spool_closed';

/** What a spool tells of itself, once for each change. */
export type SpoolNoticeCode =
  /** The disk takes nothing: lines are held in memory. */
  | 'spool_unwritable'
  /** The disk takes lines again, and those in memory were written. */
  | 'spool_writable'
  /** The segments are at their bound: lines are dropped. */
  | 'spool_full'
  /** Segments were freed: lines are taken again. */
  | 'spool_free'
  /** Memory is full too: lines are dropped, and a summary goes to stderr. */
  | 'spool_memory_full'
  /** Somebody removed the segment that was being written. */
  | 'spool_segment_gone'
  | 'spool_fsync_failed'
  | 'spool_fsync_works'
  /** A cursor file was not readable or pointed nowhere: reading starts at the oldest line, and lines come twice. */
  | 'cursor_invalid'
  | 'cursor_unwritable'
  | 'cursor_writable'
  /** A segment that was not read yet is gone. */
  | 'segment_missing'
  /** Another process took over the folder that this one had claimed. */
  | 'claim_lost'
  | 'claim_unwritable';

export interface SpoolNotice {
  readonly code: SpoolNoticeCode;
  readonly message: string;
}

/** The writing end. Nothing here throws once the spool is open; only the promise of `sync` may reject. */
export interface Spool {
  readonly directory: string;
  /**
   * Takes one line (JSON without line feed). Lines of one turn of the event loop go out with one `write`; an urgent line
   * is written before `append` returns, together with those that wait.
   *
   * @param sequence - the event's sequence number, 0 for a line that has none (a ledger line).
   */
  append(line: string, sequence: number, urgent: boolean): void;
  /**
   * Writes lines now, or says no: for a source that must answer for them. Nothing of them is kept in memory, and
   * `onDrop` isn't told. At the bound nothing is written; when the disk fails half-way, whole lines at the start of `body`
   * may have been written though the answer is false, so the sender's next try can make duplicates, never a loss.
   *
   * @param body - whole lines, each ended by a line feed and at most 1 MiB long.
   * @param lines - how many they are.
   */
  tryAppend(body: Buffer, lines: number): boolean;
  /** Writes what waits, now; while the disk fails it is tried again. */
  flush(): void;
  /**
   * Writes what waits and forces it to the device. Calls that come while one is at work share the next `fdatasync`.
   *
   * @throws Error (as a rejection) when anything that was taken is not on the device.
   */
  sync(): Promise<void>;
  /** Seals the active segment, so that its file never changes again; nothing happens when it is empty. */
  seal(): void;
  /** The place after the last written line. */
  position(): Position;
  stats(): SpoolStats;
  /** Writes what waits, forces it to the device unless `fsync` is `off`, and ends. Lines that come later are dropped. */
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

/** What `diagnostics_channel` `tailrace:spool:write` publishes after each write that returned. */
export interface SpoolWriteMessage {
  readonly directory: string;
  /** The sequence numbers that were written, in order; lines without a number are left out. */
  readonly sequences: readonly number[];
}

/** Why a line could not be read. */
export type UnreadableReason =
  /** It isn't a JSON object. */
  | 'not_json'
  /** It holds NUL bytes, as a power cut leaves them. */
  | 'nul_bytes'
  /** It is longer than 1 MiB; `bytes` holds its start. */
  | 'line_too_large'
  /** The segment ends in the middle of it. */
  | 'torn';

export interface UnreadableLine {
  readonly at: Position;
  readonly reason: UnreadableReason;
  /** The line, or its first 64 KiB. */
  readonly bytes: Buffer;
}

export interface SpoolBatch {
  /** Lines without line feed, in order; subarrays of `body`. */
  readonly lines: readonly Buffer[];
  /** The readable lines as NDJSON, each ended by a line feed. */
  readonly body: Buffer;
  /** Lines that can't be read, with where and why. A batch may hold nothing else. */
  readonly unreadable: readonly UnreadableLine[];
  readonly from: Position;
  /** The place after the batch; `commit` it when every line is delivered, dead or counted as dropped. */
  readonly to: Position;
}

export interface ReadLimits {
  readonly maxLines: number;
  /** A single line may be longer than this: it then comes alone. */
  readonly maxBytes: number;
}

export interface SpoolReaderOptions {
  readonly directory: string;
  /** Names the cursor: letters, digits, `-` and `_`. */
  readonly cursor: string;
  /** Starts here and not at the cursor. */
  readonly from?: Position;
  /**
   * True where no writer is left (an adopted spool): the last segment is complete too, so a torn end is reported and not
   * waited for; and every line is parsed, since a power cut may leave anything. @defaultValue false
   */
  readonly isEnded?: boolean;
  /** The cursor file is written at most this often, in milliseconds; 0 is at each commit. @defaultValue 500 */
  readonly cursorIntervalMs?: number;
  readonly onNotice?: (notice: SpoolNotice) => void;
}

/** The reading end of one route: reads on from where the last read ended, and moves the route's durable cursor. */
export interface SpoolReader {
  /** The next lines that are complete, `undefined` when there are none now. */
  read(limits: ReadLimits): Promise<SpoolBatch | undefined>;
  /** Goes back to the cursor, so that what was read and not committed is read again. */
  rewind(): void;
  /**
   * Moves cursor and reading to `position`; where the spool has no such place, to the oldest line (told as
   * `cursor_invalid`). Resolves with the place that it became.
   */
  seek(position: Position): Promise<Position>;
  /**
   * Moves the cursor to `to`; places before the cursor are ignored. The cursor file follows at most every
   * `cursorIntervalMs`, and segments that every cursor file has passed are freed after it: a crash in between brings lines
   * twice, and loses none. Never rejects: a cursor that can't be written is told once and tried again.
   */
  commit(to: Position): Promise<void>;
  /** Writes the cursor file now. */
  persist(): Promise<void>;
  /** The cursor: everything before it was committed. */
  cursor(): Position;
  /** Bytes after the cursor. */
  backlogBytes(): Promise<number>;
  /** Writes the cursor file, and gives back what is open. */
  close(): Promise<void>;
}
