/**
 * One file while it is read. Gives chunks of entries with the place up to which they tell the file; what became of the
 * file between two reads is asked each time, since its name, its inode and its content may all have changed.
 */
import { type BigIntStats, closeSync, fstatSync, statSync } from 'node:fs';
import { readBytes } from './discovery.ts';
import type { Entry } from './entry-assembler.ts';
import { EntryReader } from './entry-reader.ts';
import { type FilePrint, fitsPrint, HEAD_BYTES, RunningPrint, TAIL_BYTES } from './file-print.ts';
import { type FollowedFile, identityOf, openAs, stampOf } from './followed-file.ts';
import { FileMoved, isSamePrint, readGzip } from './gzip-file.ts';
import type { AgentInput } from './input.ts';

export interface TailLimits {
  readonly maxLineBytes: number;
  /** An entry that may go on is ended after so long without a new line. */
  readonly multilineMs: number;
  /** A line without its line feed is told after so long without a new byte. */
  readonly partialLineMs: number;
  /** A rotated file that was quiet for so long is done. */
  readonly rotatedMs: number;
}

/** What a read found. */
export type Reading =
  /** Entries, and the place behind which the file is not told yet. */
  | { readonly kind: 'entries'; readonly entries: readonly Entry[]; readonly settled: number; readonly bytes: number }
  /** Nothing new; `isIdle` where nothing waits to be told either. */
  | { readonly kind: 'end'; readonly isIdle: boolean }
  /** It is read to its end for good. */
  | { readonly kind: 'done' }
  /** It is not at its path any more: renamed, maybe. */
  | { readonly kind: 'moved' }
  /** Its inode holds something else. */
  | { readonly kind: 'replaced' };

const CHUNK_BYTES = 64 * 1024;

export class FileTail {
  readonly #file: FollowedFile;
  readonly #input: AgentInput;
  readonly #limits: TailLimits;
  #fd: number | undefined;
  #gzip: AsyncGenerator<Buffer> | undefined;
  #reader: EntryReader | undefined;
  /** Of all that the reader was given, and what lies before it. */
  #running = new RunningPrint();
  #stamp = '';
  /** True where the bytes were compared since the file changed. */
  #isVerified = false;
  /** True where nothing was left to tell when the descriptor was closed. */
  #isResting = false;

  constructor(file: FollowedFile, input: AgentInput, limits: TailLimits) {
    this.#file = file;
    this.#input = input;
    this.#limits = limits;
  }

  get isOpen(): boolean {
    return this.#fd !== undefined || this.#gzip !== undefined;
  }

  /** Lets go of the descriptor; what was read and not told is read again. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    void this.#gzip?.return(undefined);
    this.#gzip = undefined;
    this.#reader = undefined;
    this.#isVerified = false;
    this.#isResting = false;
  }

  /** Lets go of the descriptor of a file that is read to its end; it is opened again when it has changed. */
  rest(): void {
    const isRead = this.#reader?.settled === this.#reader?.offset;
    this.close();
    this.#isResting = isRead;
  }

  /** True where a look at the name alone says that nothing has changed. */
  isUnchanged(): boolean {
    if (this.#isResting && this.#file.state === 'live') {
      const stats = this.#statNow();
      return stats !== undefined && stampOf(stats) === this.#stamp;
    }
    if (this.#file.isGzip || !this.#isVerified || this.#reader === undefined) return false;
    if (this.#reader.settled !== this.#reader.offset || this.#file.state !== 'live') return false;
    const stats = this.#statNow();
    return stats !== undefined && stampOf(stats) === this.#stamp;
  }

  /** @throws what the system says of a file that can't be read */
  read(nowMs: number): Promise<Reading> | Reading {
    return this.#file.isGzip ? this.#readGzip() : this.#readPlain(nowMs);
  }

  /** The print of the file up to a place that was read, or up to one before it: of the bytes as they were read. */
  printAt(position: number): FilePrint {
    const { print } = this.#file;
    const taken = this.#running.upToAtMost(position);
    return taken.at > print.at ? taken : print;
  }

  /** The name of the file as it is now, for a file that is done. */
  stamp(): string {
    return this.#stamp;
  }

  #readPlain(nowMs: number): Reading {
    const file = this.#file;
    if (this.#fd === undefined) {
      this.#fd = openAs(file.location, file.identity);
      if (this.#fd === undefined) return { kind: 'moved' };
    }
    const fd = this.#fd;
    const stats = fstatSync(fd, { bigint: true });
    const size = Number(stats.size);
    if (identityOf(stats) !== file.identity) {
      this.close();
      return { kind: 'moved' };
    }
    const stamp = stampOf(stats);
    if (stamp !== this.#stamp || !this.#isVerified) {
      // An old inode may be used for a new file, and a file truncated and written to again.
      const fits = size >= file.position && fitsPrint(file.print, (offset, length) => readBytes(fd, offset, length));
      if (!fits) {
        this.close();
        return { kind: 'replaced' };
      }
      if (size !== file.size) file.changedMs = nowMs;
      file.size = size;
      this.#stamp = stamp;
      this.#isVerified = true;
      this.#dropUnsafe(size);
    }
    this.#reader ??= this.#beginAt(fd, file.position);
    const reader = this.#reader;
    if (reader.offset < size) {
      const chunk = readBytes(fd, reader.offset, Math.min(CHUNK_BYTES, size - reader.offset));
      // Truncated in this moment: whose bytes these are can't be told.
      const head = this.#running.headWith(chunk);
      if (fstatSync(fd).size < reader.offset + chunk.length || !readBytes(fd, 0, head.length).equals(head)) {
        this.#isVerified = false;
        this.#reader = undefined;
        return { kind: 'end', isIdle: false };
      }
      return this.#entriesOf(chunk, reader);
    }
    return this.#atEnd(reader, nowMs, stats.nlink === 0n);
  }

  #beginAt(fd: number, position: number): EntryReader {
    const tailBytes = Math.min(position, TAIL_BYTES);
    this.#running = new RunningPrint(position, {
      head: readBytes(fd, 0, Math.min(position, HEAD_BYTES)),
      tail: readBytes(fd, position - tailBytes, tailBytes),
    });
    return new EntryReader(position, this.#input.multiline, this.#limits.maxLineBytes);
  }

  /** What was read and not told yet is covered by no print: it is read again, unless that would be much. */
  #dropUnsafe(size: number): void {
    const reader = this.#reader;
    if (reader === undefined || reader.settled === reader.offset) return;
    if (size < reader.offset || reader.offset - reader.settled <= CHUNK_BYTES) this.#reader = undefined;
  }

  #atEnd(reader: EntryReader, nowMs: number, isUnlinked: boolean): Reading {
    const { multilineMs, partialLineMs, rotatedMs } = this.#limits;
    const quietMs = nowMs - this.#file.changedMs;
    if (reader.settled < reader.offset) {
      if (quietMs >= partialLineMs) return this.#lastEntries((emit) => reader.endFile(emit));
      if (quietMs >= multilineMs && !reader.hasPartialLine) return this.#lastEntries((emit) => reader.endEntry(emit));
      return { kind: 'end', isIdle: false };
    }
    if (isUnlinked && quietMs >= Math.min(2_000, rotatedMs)) return { kind: 'done' };
    if (this.#file.state === 'rotated' && quietMs >= rotatedMs) return { kind: 'done' };
    return { kind: 'end', isIdle: true };
  }

  async #readGzip(): Promise<Reading> {
    const file = this.#file;
    const stats = this.#statNow();
    if (stats === undefined || identityOf(stats) !== file.identity) {
      this.close();
      return { kind: 'moved' };
    }
    this.#stamp = stampOf(stats);
    if (this.#gzip === undefined) {
      this.#gzip = readGzip(file.location, file.identity);
      this.#running = new RunningPrint();
    }
    this.#reader ??= new EntryReader(file.position, this.#input.multiline, this.#limits.maxLineBytes);
    const reader = this.#reader;
    try {
      for (;;) {
        const { done, value } = await this.#gzip.next();
        if (done === true) break;
        const before = this.#running.at;
        const skipped = Math.min(value.length, reader.offset - before);
        if (skipped > 0) {
          // What was read before goes by, and has to be what it was.
          this.#running.push(value.subarray(0, skipped));
          const isPast = before < file.print.at && this.#running.at >= file.print.at;
          if (isPast && !isSamePrint(this.#running.upTo(file.print.at), file.print)) {
            this.close();
            return { kind: 'replaced' };
          }
        }
        if (skipped < value.length) return this.#entriesOf(value.subarray(skipped), reader);
      }
    } catch (error) {
      this.close();
      if (error instanceof FileMoved) return { kind: 'moved' };
      throw error;
    }
    if (reader.settled < reader.offset) return this.#lastEntries((emit) => reader.endFile(emit));
    return { kind: 'done' };
  }

  #entriesOf(chunk: Buffer, reader: EntryReader): Reading {
    this.#running.push(chunk);
    return this.#lastEntries((emit) => reader.push(chunk, emit), chunk.length);
  }

  #lastEntries(read: (emit: (entry: Entry) => void) => void, bytes = 0): Reading {
    const entries: Entry[] = [];
    read((entry) => entries.push(entry));
    return { kind: 'entries', entries, settled: this.#reader?.settled ?? this.#file.position, bytes };
  }

  #statNow(): BigIntStats | undefined {
    if (this.#fd !== undefined) return fstatSync(this.#fd, { bigint: true });
    return statSync(this.#file.location, { bigint: true, throwIfNoEntry: false });
  }
}
