/**
 * The agent's own spool: what was read from files, until it is delivered. Its cursor `agent_files` stands where the state file
 * was last written, so segments stay until the positions in them are in the state file too.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  claimSpool,
  openSpool,
  openSpoolReader,
  type Position,
  registerCursors,
  type Spool,
  type SpoolClaim,
  type SpoolNotice,
  type SpoolReader,
  type SpoolStats,
  segmentPath,
} from 'tailrace/spool';

/** Routes may not have this name. */
export const FILES_CURSOR = 'agent_files';
const LINE_FEED = 10;

export interface OwnSpoolOptions {
  readonly directory: string;
  readonly maxBytes: number | undefined;
  readonly fsync: 'off' | 'always' | number | undefined;
  readonly routes: readonly string[];
  readonly onNotice: (notice: SpoolNotice) => void;
}

export class OwnSpool {
  readonly #spool: Spool;
  readonly #reader: SpoolReader;
  readonly #claim: SpoolClaim;
  #isFull = false;

  private constructor(spool: Spool, reader: SpoolReader, claim: SpoolClaim) {
    this.#spool = spool;
    this.#reader = reader;
    this.#claim = claim;
  }

  /**
   * Opens it, and tells of each line that was written after `from`.
   *
   * @throws Error where another agent has it.
   */
  static async open(options: OwnSpoolOptions, from: Position, onLine: (line: Buffer) => void): Promise<OwnSpool> {
    const { directory, routes, onNotice } = options;
    const outcome = claimSpool(directory, { owner: 'agent', onNotice });
    if (outcome.kind === 'held') {
      throw new Error(
        `${directory} belongs to process ${outcome.pid} on ${outcome.host}: each agent needs a data folder of its own`,
      );
    }
    cutTornEnd(directory);
    await registerCursors(directory, [FILES_CURSOR, ...routes]);
    const hasSegments = segmentNumbers(directory).length > 0;
    const reader = await openSpoolReader({
      directory,
      cursor: FILES_CURSOR,
      cursorIntervalMs: 0,
      onNotice,
      ...(hasSegments && { from }),
    });
    for (;;) {
      const batch = await reader.read({ maxLines: 1000, maxBytes: 1 << 20 });
      if (batch === undefined) break;
      for (const line of batch.lines) onLine(line);
    }
    const spool = openSpool({
      directory,
      minSegment: from.segment + 1,
      onNotice,
      ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
      ...(options.fsync !== undefined && { fsync: options.fsync }),
    });
    return new OwnSpool(spool, reader, outcome.claim);
  }

  /** True where the last lines were not taken, since the spool is at its bound or its disk fails. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get directory(): string {
    return this.#spool.directory;
  }

  /**
   * Writes lines now, all of them, or answers with those that must be tried again: where a disk fails half-way, some are
   * written.
   */
  append(lines: readonly string[]): readonly string[] {
    const body = Buffer.from(`${lines.join('\n')}\n`);
    const before = this.#spool.position();
    this.#isFull = !this.#spool.tryAppend(body, lines.length);
    if (!this.#isFull) return [];
    const written = this.#writtenSince(before);
    return written === 0 ? lines : lines.slice(countLines(body.subarray(0, written)));
  }

  position(): Position {
    return this.#spool.position();
  }

  /** @throws Error where not everything is on the device. */
  sync(): Promise<void> {
    return this.#spool.sync();
  }

  /** The state file holds all that stands before this place. */
  release(position: Position): Promise<void> {
    return this.#reader.commit(position);
  }

  stats(): SpoolStats {
    return this.#spool.stats();
  }

  async close(): Promise<void> {
    this.#spool.close();
    await this.#reader.close();
    this.#claim.release();
  }

  /** Bytes of whole lines that a failed write left behind `before`, in that segment or in the one that it began. */
  #writtenSince(before: Position): number {
    const { directory } = this.#spool;
    const grown = sizeOf(segmentPath(directory, before.segment)) - before.offset;
    return grown > 0
      ? grown
      : this.#spool.position().segment > before.segment
        ? sizeOf(segmentPath(directory, before.segment + 1))
        : 0;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function segmentNumbers(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => (/^\d{8,15}\.ndjson$/.test(name) ? [Number.parseInt(basename(name), 10)] : []))
    .sort((a, b) => a - b);
}

/** A line that was being written when the process was killed: what it says is read from its file again. */
function cutTornEnd(directory: string): void {
  const last = segmentNumbers(directory).at(-1);
  if (last === undefined) return;
  const fd = openSync(segmentPath(directory, last), 'r+');
  try {
    const { size } = fstatSync(fd);
    const step = 64 * 1024;
    for (let end = size; end > 0; end -= step) {
      const from = Math.max(0, end - step);
      const bytes = Buffer.alloc(end - from);
      readSync(fd, bytes, 0, bytes.length, from);
      const feed = bytes.lastIndexOf(LINE_FEED);
      if (feed >= 0) {
        if (from + feed + 1 < size) ftruncateSync(fd, from + feed + 1);
        return;
      }
    }
    if (size > 0) ftruncateSync(fd, 0);
  } finally {
    closeSync(fd);
  }
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === LINE_FEED) count += 1;
  return count;
}
