import { takeBatch } from './chunk.ts';
import type { Position } from './position.ts';
import { MAX_LINE_BYTES } from './segment.ts';
import type { DropReason, ReadLimits, Spool, SpoolBatch, SpoolNotice, SpoolReader, SpoolStats } from './types.ts';

export interface MemorySpoolOptions {
  /** @defaultValue 8 MiB */
  readonly maxBytes?: number;
  /** Part of `maxBytes` that only urgent lines may use. @defaultValue a tenth of `maxBytes` */
  readonly reserveBytes?: number;
  readonly onNotice?: (notice: SpoolNotice) => void;
  readonly onDrop?: (sequence: number, reason: DropReason) => void;
}

export interface MemorySpool {
  readonly spool: Spool;
  /** Opens the reading end of one route; lines are freed when every reader that was opened has committed them. */
  openReader(cursor: string): SpoolReader;
}

const SEGMENT = 1;

/** A spool where there is no disk: the same two ends, and what isn't delivered goes with the process. */
export function openMemorySpool(options: MemorySpoolOptions = {}): MemorySpool {
  const spool = new InMemorySpool(options);
  return { spool, openReader: (cursor) => spool.openReader(cursor) };
}

interface Block {
  /** Offset of its first byte from the start of the spool. */
  readonly offset: number;
  /** Whole lines. */
  readonly bytes: Buffer;
  readonly lines: number;
}

class InMemorySpool implements Spool {
  readonly directory = ':memory:';
  readonly #options: MemorySpoolOptions;
  readonly #maxBytes: number;
  readonly #normalBytes: number;
  readonly #readers = new Map<string, MemorySpoolReader>();
  #blocks: Block[] = [];
  #end = 0;
  #isFull = false;
  #isClosed = false;

  constructor(options: MemorySpoolOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
    this.#normalBytes = this.#maxBytes - (options.reserveBytes ?? this.#maxBytes / 10);
  }

  append(line: string, sequence: number, urgent: boolean): void {
    const refusal = this.#isClosed ? 'spool_closed' : this.#take(line, urgent);
    if (refusal !== undefined) this.#drop(sequence, refusal);
  }

  tryAppend(body: Buffer, lines: number): boolean {
    if (this.#isClosed || lines === 0) return !this.#isClosed;
    if (!this.#fits(body.length, this.#normalBytes)) return false;
    this.#add(Buffer.from(body), lines);
    return true;
  }

  flush(): void {}

  async sync(): Promise<void> {}

  seal(): void {}

  position(): Position {
    return { segment: SEGMENT, offset: this.#end };
  }

  stats(): SpoolStats {
    const lines = this.#blocks.reduce((sum, block) => sum + block.lines, 0);
    return { bytes: 0, segments: 0, waitingLines: lines, waitingBytes: this.#heldBytes(), stage: 'memory' };
  }

  close(): void {
    this.#isClosed = true;
  }

  openReader(cursor: string): SpoolReader {
    const known = this.#readers.get(cursor);
    if (known !== undefined) {
      known.rewind();
      return known;
    }
    const reader = new MemorySpoolReader(this, this.#start());
    this.#readers.set(cursor, reader);
    return reader;
  }

  blockAt(offset: number): Block | undefined {
    return this.#blocks.find((block) => offset < block.offset + block.bytes.length);
  }

  get end(): number {
    return this.#end;
  }

  /** Frees what every reader has committed. */
  free(): void {
    let lowest = this.#end;
    for (const reader of this.#readers.values()) lowest = Math.min(lowest, reader.cursor().offset);
    let freed = 0;
    for (const block of this.#blocks) {
      if (block.offset + block.bytes.length > lowest) break;
      freed += 1;
    }
    this.#blocks.splice(0, freed);
  }

  #take(line: string, urgent: boolean): DropReason | undefined {
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > MAX_LINE_BYTES + 1) return 'line_too_large';
    if (!this.#fits(bytes.length, urgent ? this.#maxBytes : this.#normalBytes)) return 'memory_full';
    this.#add(bytes, 1);
    return undefined;
  }

  #start(): number {
    return this.#blocks[0]?.offset ?? this.#end;
  }

  #heldBytes(): number {
    return this.#end - this.#start();
  }

  #add(bytes: Buffer, lines: number): void {
    this.#blocks.push({ offset: this.#end, bytes, lines });
    this.#end += bytes.length;
  }

  #fits(bytes: number, limit: number): boolean {
    const fits = this.#heldBytes() + bytes <= limit;
    if (fits && this.#isFull && this.#heldBytes() < this.#normalBytes * 0.9) {
      this.#isFull = false;
      this.#tell({ code: 'spool_free', message: 'the spool in memory takes lines again' });
    }
    if (!fits && !this.#isFull) {
      this.#isFull = true;
      this.#tell({ code: 'spool_full', message: `the spool in memory is at its bound of ${this.#maxBytes} bytes` });
    }
    return fits;
  }

  #drop(sequence: number, reason: DropReason): void {
    try {
      this.#options.onDrop?.(sequence, reason);
    } catch {
      // Whoever listens must not break the application's log call.
    }
  }

  #tell(notice: SpoolNotice): void {
    try {
      this.#options.onNotice?.(notice);
    } catch {
      // As above.
    }
  }
}

class MemorySpoolReader implements SpoolReader {
  readonly #spool: InMemorySpool;
  #next: number;
  #committed: number;

  constructor(spool: InMemorySpool, offset: number) {
    this.#spool = spool;
    this.#next = offset;
    this.#committed = offset;
  }

  async read(limits: ReadLimits): Promise<SpoolBatch | undefined> {
    const parts: Buffer[] = [];
    let bytes = 0;
    let lines = 0;
    for (let at = this.#next; lines < limits.maxLines && bytes < limits.maxBytes; ) {
      const block = this.#spool.blockAt(at);
      if (block === undefined) break;
      const part = block.bytes.subarray(Math.max(0, at - block.offset));
      parts.push(part);
      bytes += part.length;
      lines += block.lines;
      at = block.offset + block.bytes.length;
    }
    if (parts.length === 0) return undefined;
    const from = { segment: SEGMENT, offset: this.#next };
    const batch = takeBatch({ at: from, bytes: Buffer.concat(parts, bytes) }, from, limits, false);
    this.#next = batch.to.offset;
    return batch.lines.length > 0 || batch.unreadable.length > 0 ? batch : this.read(limits);
  }

  rewind(): void {
    this.#next = this.#committed;
  }

  async seek(position: Position): Promise<Position> {
    this.#next = Math.min(position.offset, this.#spool.end);
    this.#committed = this.#next;
    return this.cursor();
  }

  async commit(to: Position): Promise<void> {
    if (to.offset <= this.#committed) return;
    this.#committed = to.offset;
    this.#spool.free();
  }

  async persist(): Promise<void> {}

  cursor(): Position {
    return { segment: SEGMENT, offset: this.#committed };
  }

  async backlogBytes(): Promise<number> {
    return this.#spool.end - this.#committed;
  }

  async close(): Promise<void> {}
}
