import { channel } from 'node:diagnostics_channel';
import { ActiveSegment, firstFreeSegment } from './active-segment.ts';
import { Bound } from './bound.ts';
import { Capacity } from './capacity.ts';
import { DeviceSync } from './device-sync.ts';
import { countLines, splitLines } from './lines-in-bytes.ts';
import { LossReport } from './loss-report.ts';
import type { Position } from './position.ts';
import { errorCode, MAX_LINE_BYTES } from './segment.ts';
import { SpoolListeners } from './spool-listeners.ts';
import { resolveSpoolSettings, type SpoolSettings } from './spool-settings.ts';
import { TurnLines } from './turn-lines.ts';
import type { DropReason, Spool, SpoolOptions, SpoolStats, SpoolWriteMessage } from './types.ts';
import { WaitingLines } from './waiting-lines.ts';

const RETRY_ON_APPEND_MS = 250;
const HOUSEKEEPING_MS = 1000;

const writes = channel('tailrace:spool:write');

/**
 * Opens the writing end of a spool. It never throws because of the disk: where the folder can't be made or written, lines
 * wait in memory until it can.
 *
 * Only one process may write to a folder, and a folder that nobody has claimed is adopted by other processes: claim it
 * first.
 *
 * @throws RangeError when an option is out of its range.
 *
 * @example
 * const directory = './tailrace-data/spool/0mb1x9k3fqz7a';
 * const outcome = claimSpool(directory);
 * if (outcome.kind === 'held') throw new Error(`${directory} belongs to process ${outcome.pid}`);
 * const spool = openSpool({ directory });
 * spool.append('{"message":"paid"}', 1, false);
 * spool.close();
 */
export function openSpool(options: SpoolOptions): Spool {
  return new DiskSpool(options);
}

class DiskSpool implements Spool {
  readonly directory: string;
  readonly #settings: SpoolSettings;
  readonly #listeners: SpoolListeners;
  readonly #device: DeviceSync;
  readonly #segment: ActiveSegment;
  readonly #capacity: Capacity;
  readonly #bound: Bound;
  readonly #waiting: WaitingLines;
  readonly #lossReport: LossReport;
  readonly #timers: NodeJS.Timeout[] = [];

  readonly #turn = new TurnLines();
  #isTurnEndQueued = false;

  /** Why the disk takes nothing, `undefined` while it does. */
  #failure: string | undefined;
  #triedAt = 0;
  #isMemoryFull = false;
  #isClosed = false;

  constructor(options: SpoolOptions) {
    this.directory = options.directory;
    this.#settings = resolveSpoolSettings(options);
    const { maxBytes, reserveBytes, segmentBytes, memoryBytes, fsync } = this.#settings;
    this.#listeners = new SpoolListeners(options);
    this.#capacity = new Capacity(this.directory);
    this.#bound = new Bound(this.#capacity, {
      maxBytes,
      reserveBytes,
      tell: (code, message) => this.#listeners.tell(code, message),
    });
    this.#capacity.recount();
    this.#device = new DeviceSync(this.directory, (error) => this.#listeners.tellFsync(error));
    this.#segment = new ActiveSegment(
      this.directory,
      Math.max(firstFreeSegment(this.directory), options.minSegment ?? 1),
      segmentBytes,
      this.#device,
    );
    this.#waiting = new WaitingLines(memoryBytes, (sequence) => this.#dropForMemory(sequence));
    this.#lossReport = new LossReport(this.directory);
    try {
      this.#segment.open();
    } catch (error) {
      this.#fail(error);
    }
    this.#every(HOUSEKEEPING_MS, () => this.#keepHouse());
    if (typeof fsync === 'number') this.#every(fsync, () => this.#device.runIfDirty());
  }

  append(line: string, sequence: number, urgent: boolean): void {
    const refusal = this.#isClosed ? 'spool_closed' : this.#take(line, sequence, urgent);
    if (refusal !== undefined) this.#listeners.drop(sequence, refusal);
  }

  tryAppend(body: Buffer, lines: number): boolean {
    if (this.#isClosed || lines === 0) return !this.#isClosed;
    this.flush();
    if (this.#waiting.count > 0) return false;
    if (!this.#fits(body.length, false)) return false;
    const { writtenBytes, error } = this.#write(body, body.length);
    this.#capacity.add(writtenBytes);
    if (error === undefined) this.#recover();
    else this.#fail(error);
    return error === undefined;
  }

  flush(): void {
    if (this.#isClosed) return;
    this.#writeTurn();
    if (this.#failure !== undefined) this.#tryAgain(0);
  }

  async sync(): Promise<void> {
    this.flush();
    if (this.#failure !== undefined && this.#waiting.count > 0) {
      throw new Error(
        `${this.#waiting.count} lines are not on disk: ${this.directory} can't be written (${this.#failure})`,
      );
    }
    await this.#device.run();
  }

  seal(): void {
    if (this.#isClosed) return;
    this.flush();
    try {
      this.#segment.seal();
    } catch (error) {
      this.#fail(error);
    }
  }

  position(): Position {
    return this.#segment.position();
  }

  stats(): SpoolStats {
    this.#capacity.recount();
    return {
      bytes: this.#capacity.bytes,
      segments: this.#capacity.segments,
      waitingLines: this.#turn.count + this.#waiting.count,
      waitingBytes: this.#turn.bytes + this.#waiting.bytes,
      stage: this.#failure === undefined ? 'disk' : this.#isMemoryFull ? 'stderr' : 'memory',
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const sequence of this.#waiting.clear()) this.#dropForMemory(sequence);
    this.#lossReport.report(this.#failure ?? 'closed');
    const fd = this.#segment.fd;
    if (fd !== undefined && this.#settings.fsync !== 'off') this.#forceNow(fd);
    this.#segment.leave();
  }

  /** Takes a line, or says why not. */
  #take(line: string, sequence: number, urgent: boolean): DropReason | undefined {
    if (this.#failure !== undefined && !this.#tryAgain(RETRY_ON_APPEND_MS)) {
      return this.#takeToMemory(line, sequence, urgent);
    }
    if (!this.#makeRoomInTurn(line)) return 'line_too_large';
    // Making room may have written, and so have failed.
    if (this.#failure !== undefined) return this.#takeToMemory(line, sequence, urgent);
    const bytes = this.#turn.put(line);
    if (bytes > MAX_LINE_BYTES + 1) return 'line_too_large';
    if (!this.#fits(bytes, urgent)) return 'spool_full';
    this.#turn.keep(bytes, sequence, urgent);
    if (urgent) this.#writeTurn();
    else if (!this.#isTurnEndQueued) this.#queueTurnEnd();
    return undefined;
  }

  #takeToMemory(line: string, sequence: number, urgent: boolean): DropReason | undefined {
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > MAX_LINE_BYTES + 1) return 'line_too_large';
    if (!this.#fits(bytes.length, urgent)) return 'spool_full';
    this.#keepInMemory(bytes, sequence, urgent);
    return undefined;
  }

  #queueTurnEnd(): void {
    this.#isTurnEndQueued = true;
    // Not a microtask: under load those run after each request, this once after all that were ready together.
    setImmediate(() => {
      this.#isTurnEndQueued = false;
      if (!this.#isClosed) this.#writeTurn();
    });
  }

  /** Makes sure that the line fits behind those of this turn; false when it is over the bound. */
  #makeRoomInTurn(line: string): boolean {
    if (this.#turn.hasRoomFor(line)) return true;
    this.#writeTurn();
    return this.#turn.grow(line);
  }

  /** Writes the lines of this turn with one `write`; what the disk doesn't take goes to memory. */
  #writeTurn(): void {
    if (this.#turn.bytes === 0) return;
    const { bytes, sequences, urgency } = this.#turn.take();
    const { writtenBytes, error } = this.#write(bytes, bytes.length);
    this.#capacity.add(writtenBytes);
    if (error === undefined) {
      publish(this.directory, sequences);
      return;
    }
    const lines = splitLines(bytes);
    const writtenLines = countLines(bytes.subarray(0, writtenBytes));
    publish(this.directory, sequences.slice(0, writtenLines));
    for (let i = writtenLines; i < lines.length; i += 1) {
      const line = lines[i];
      if (line !== undefined) this.#keepInMemory(Buffer.from(line), sequences[i] ?? 0, urgency[i] ?? false);
    }
    const failure = this.#hasLeftFile() ? this.#drain() : error;
    if (failure !== undefined) this.#fail(failure);
  }

  #write(lines: Buffer, length: number): { readonly writtenBytes: number; readonly error?: unknown } {
    this.#triedAt = performance.now();
    const outcome = this.#segment.write(lines, length);
    const fd = this.#segment.fd;
    if (this.#settings.fsync === 'always' && fd !== undefined && outcome.writtenBytes > 0) this.#forceNow(fd);
    return outcome;
  }

  #forceNow(fd: number): void {
    try {
      this.#device.runNow(fd);
      this.#listeners.tellFsync(undefined);
    } catch (error) {
      this.#listeners.tellFsync(error);
    }
  }

  #keepInMemory(bytes: Buffer, sequence: number, urgent: boolean): void {
    if (!this.#waiting.add(bytes, sequence, urgent)) this.#dropForMemory(sequence);
  }

  /** Writes what is in memory, unless that was tried less than `afterMs` ago; true when the disk takes lines again. */
  #tryAgain(afterMs: number): boolean {
    if (this.#failure === undefined) return true;
    if (performance.now() - this.#triedAt < afterMs) return false;
    this.#triedAt = performance.now();
    const error = this.#drain();
    if (error === undefined) this.#recover();
    else this.#fail(error);
    return error === undefined;
  }

  /** Writes what is in memory; gives back what stopped it. */
  #drain(): unknown {
    try {
      this.#segment.open();
    } catch (error) {
      return error;
    }
    for (
      let group = this.#waiting.head(this.#settings.drainBytes);
      group !== undefined;
      group = this.#waiting.head(this.#settings.drainBytes)
    ) {
      const { writtenBytes, error } = this.#write(group.bytes, group.bytes.length);
      this.#capacity.add(writtenBytes);
      const lines = error === undefined ? group.sequences.length : countLines(group.bytes.subarray(0, writtenBytes));
      this.#waiting.remove(lines);
      publish(this.directory, group.sequences.slice(0, lines));
      // A file that took some and was then left (it may not grow) says nothing against the next one.
      if (error !== undefined && (lines === 0 || !this.#hasLeftFile())) return error;
    }
    return undefined;
  }

  /** True where the last write failed and its file was left: the next write makes a new one. */
  #hasLeftFile(): boolean {
    return this.#segment.fd === undefined;
  }

  #fits(bytes: number, urgent: boolean): boolean {
    return this.#bound.fits(bytes, this.#turn.bytes + this.#waiting.bytes, urgent);
  }

  #keepHouse(): void {
    if (this.#failure !== undefined) {
      this.#tryAgain(0);
      return;
    }
    if (!this.#isGone()) return;
    this.#segment.leave();
    this.#listeners.tell('spool_segment_gone', 'the segment that was being written was removed: a new one is begun');
  }

  #isGone(): boolean {
    try {
      return this.#segment.isGone();
    } catch {
      return true;
    }
  }

  #fail(error: unknown): void {
    const code = errorCode(error);
    const isNew = this.#failure === undefined;
    this.#failure = code;
    if (isNew) this.#listeners.tell('spool_unwritable', `can't be written (${code}): lines are held in memory`);
  }

  #recover(): void {
    if (this.#failure === undefined) return;
    this.#lossReport.report(this.#failure);
    this.#failure = undefined;
    this.#isMemoryFull = false;
    this.#listeners.tell('spool_writable', 'can be written again: the lines in memory were written');
  }

  #dropForMemory(sequence: number): void {
    if (!this.#isMemoryFull && !this.#isClosed) {
      this.#isMemoryFull = true;
      this.#listeners.tell('spool_memory_full', `can't be written and memory is full: lines are dropped`);
    }
    this.#lossReport.count(this.#failure ?? 'a write failed');
    this.#listeners.drop(sequence, 'memory_full');
  }

  #every(ms: number, act: () => void): void {
    this.#timers.push(setInterval(act, ms).unref());
  }
}

function publish(directory: string, sequences: readonly number[]): void {
  if (!writes.hasSubscribers || sequences.length === 0) return;
  const message: SpoolWriteMessage = { directory, sequences: sequences.filter((sequence) => sequence > 0) };
  writes.publish(message);
}
