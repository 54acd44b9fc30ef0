/**
 * Log files → the agent's own spool: none of their lines lost, none there twice.
 *
 * How. Every event says where in its file it stands (`log.file.offset`, `log.file.bytes`) and has the next number of its
 * file's own account. Events and place so become durable with one write. At the start the state file is read, and then
 * everything that the spool holds behind the place at which the state file was written: whatever of a file is found there
 * was read, and reading goes on behind it. Killed at any moment, the agent finds either the event in its spool, or the line
 * in its file.
 *
 * Between the two there is no queue in memory: a chunk of a file is read, made into events, and written to the spool before
 * the next one is read. When the spool is at its bound, or its disk takes nothing, reading stops; the files themselves are
 * the buffer then, and nothing is ever dropped.
 *
 * What is left out by sampling has no event. It is counted in the ledger line that goes with the same write, and decided by
 * bits that come from its place in the file, so that reading it once more decides alike.
 */
import { Discovery, seek } from './discovery.ts';
import type { Entry } from './entry-assembler.ts';
import { copyAccount, ledgerLine } from './file-account.ts';
import type { FilePrint } from './file-print.ts';
import type { FileRegistry } from './file-registry.ts';
import { FileTail, type Reading, type TailLimits } from './file-tail.ts';
import { addAlias, type FollowedFile } from './followed-file.ts';
import type { AgentInput } from './input.ts';
import type { OwnSpool } from './own-spool.ts';
import { type FileFields, fieldsOfFile, type RecordingParts, recordEntry } from './record-entry.ts';

export interface ShipperParts {
  readonly registry: FileRegistry;
  readonly spool: OwnSpool;
  readonly inputs: readonly AgentInput[];
  readonly recording: RecordingParts;
  readonly limits: TailLimits & { readonly maxOpenFiles: number; readonly seekMs: number; readonly scanMs: number };
  readonly onNotice: (code: string, message: string) => void;
}

/** What happened since the start. */
export interface ShipperCounts {
  entries: number;
  events: number;
  sampledOut: number;
  bytes: number;
  /** Bytes that were never read: their file was gone. */
  lostBytes: number;
  lostFiles: number;
  /** Files whose inode came to hold something else: truncated, or used again. */
  replaced: number;
}

/** Lines that must go to the spool before anything else is read. */
interface PendingBatch {
  readonly file: FollowedFile;
  readonly lines: readonly string[];
  readonly account: FollowedFile['account'];
  readonly place: Place;
}

/** A place in a file, and the print of all before it. */
interface Place {
  readonly position: number;
  readonly print: FilePrint;
}

/** A file gives up its turn after so many bytes. */
const TURN_BYTES = 1 << 20;
/** Bounds on what goes to the spool with one write. */
const BATCH_ENTRIES = 500;
const BATCH_CHARS = 256 * 1024;
const LEDGER_MS = 1_000;
const STATE_MS = 2_000;
/** A file that was quiet for so long is looked at less often. */
const IDLE_MS = 60_000;
const IDLE_TURNS = 8;

export class FileShipper {
  readonly counts: ShipperCounts = {
    entries: 0,
    events: 0,
    sampledOut: 0,
    bytes: 0,
    lostBytes: 0,
    lostFiles: 0,
    replaced: 0,
  };
  /** Paths that can't be read now, and why. */
  readonly unreadable = new Map<string, string>();
  readonly #parts: ShipperParts;
  readonly #discovery: Discovery;
  readonly #inputs: ReadonlyMap<string, AgentInput>;
  readonly #tails = new Map<string, FileTail>();
  readonly #common = new Map<string, FileFields>();
  /** What of each account is not yet in a ledger line. */
  readonly #ledgerDue = new Map<string, { readonly sinceMs: number }>();
  #pending: PendingBatch | undefined;
  #turn = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #stateMs = Number.NEGATIVE_INFINITY;
  #isStateDue = false;
  #hasUnsavedFiles = false;
  readonly #faultsOfLook = new Set<string>();

  constructor(parts: ShipperParts) {
    this.#parts = parts;
    this.#inputs = new Map(parts.inputs.map((input) => [input.name, input]));
    this.#discovery = new Discovery({
      registry: parts.registry,
      inputs: parts.inputs,
      isOpen: (file) => this.#tails.get(file.producer)?.isOpen === true,
      onFault: (path, error) => this.#noteFault(path, error),
      onLost: (file, bytes) => this.#noteLost(file, bytes),
      seekMs: parts.limits.seekMs,
    });
  }

  /**
   * One turn over all files. True where there is more to read at once.
   *
   * @param isHinted - something has changed on the disk: no file is passed over for being quiet.
   */
  async turn(nowMs: number, isHinted: boolean, signal: AbortSignal): Promise<boolean> {
    this.#turn += 1;
    if (!this.#writePending()) return false;
    if (isHinted || nowMs - this.#lookedMs >= this.#parts.limits.scanMs) {
      this.#lookedMs = nowMs;
      await this.#look(nowMs);
    }
    // Before a first event goes to the spool, its producer must be known for good.
    if (this.#hasUnsavedFiles && !(await this.saveState(nowMs))) return false;
    let hasMore = false;
    for (const file of [...this.#parts.registry.files]) {
      if (signal.aborted || this.#pending !== undefined) break;
      if (file.state === 'done' || file.state === 'sought') continue;
      const isQuiet = nowMs - file.changedMs > IDLE_MS && file.size === file.position;
      if (isQuiet && !isHinted && (this.#turn + file.sinceMs) % IDLE_TURNS !== 0) continue;
      if (await this.#readFile(file, nowMs, signal)) hasMore = true;
    }
    this.#writeLedgerLines(nowMs, false);
    if (this.#isStateDue && nowMs - this.#stateMs >= STATE_MS) await this.saveState(nowMs);
    return hasMore && this.#pending === undefined;
  }

  /** True where all that is there is read, and nothing waits for time to pass. */
  isCaughtUp(): boolean {
    if (this.#pending !== undefined || this.#discovery.waiting > 0) return false;
    return [...this.#parts.registry.files].every((file) => {
      if (this.unreadable.has(file.location)) return true;
      return file.state === 'done' || (file.state !== 'sought' && !file.isGzip && file.size <= file.position);
    });
  }

  /** Puts the account of each file, and then the state, on disk. */
  async close(nowMs: number): Promise<void> {
    if (this.#writePending()) this.#writeLedgerLines(nowMs, true);
    await this.saveState(nowMs);
    for (const tail of this.#tails.values()) tail.close();
    this.#tails.clear();
  }

  /** Replaces the state file, and frees what only it needed of the spool. False where the disk doesn't take it. */
  async saveState(nowMs: number): Promise<boolean> {
    const { registry, spool, onNotice } = this.#parts;
    const position = spool.position();
    const snapshot = registry.snapshot(position);
    this.#stateMs = nowMs;
    this.#isStateDue = false;
    try {
      await spool.sync();
      await registry.write(snapshot);
      this.#hasUnsavedFiles = false;
      await spool.release(position);
      return true;
    } catch (error) {
      this.#isStateDue = true;
      onNotice('state_unwritable', `the places in the files can't be written: ${messageOf(error)}`);
      return false;
    }
  }

  /** A loss in delivery, for the account of the file. */
  noteChanged(producer: string, nowMs: number): void {
    this.#ledgerDue.set(producer, { sinceMs: nowMs });
    this.#isStateDue = true;
  }

  async #look(nowMs: number): Promise<void> {
    this.#faultsOfLook.clear();
    if (await this.#discovery.look(nowMs)) this.#hasUnsavedFiles = true;
    const followed = new Set([...this.#parts.registry.files].map(({ location }) => location));
    for (const path of this.unreadable.keys()) {
      if (!this.#faultsOfLook.has(path) && !followed.has(path)) this.#noteReadable(path);
    }
  }

  async #readFile(file: FollowedFile, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const input = this.#inputs.get(file.input);
    if (input === undefined) return false;
    const tail = this.#tailOf(file, input);
    try {
      if (tail.isUnchanged()) return false;
      for (let bytes = 0; bytes < TURN_BYTES && !signal.aborted; ) {
        const reading = await tail.read(nowMs);
        this.#noteReadable(file.location);
        if (reading.kind !== 'entries') return this.#end(file, tail, reading, nowMs);
        bytes += reading.bytes;
        this.counts.bytes += reading.bytes;
        this.#take(file, tail, input, reading, nowMs);
        if (this.#pending !== undefined) return false;
      }
      return true;
    } catch (error) {
      tail.close();
      this.#noteFault(file.location, error);
      return false;
    }
  }

  #take(
    file: FollowedFile,
    tail: FileTail,
    input: AgentInput,
    reading: Extract<Reading, { readonly kind: 'entries' }>,
    nowMs: number,
  ): void {
    if (reading.entries.length === 0 && reading.settled === file.position) return;
    this.counts.entries += reading.entries.length;
    const batches = batchesOf(reading.entries);
    batches.forEach((entries, i) => {
      if (this.#pending !== undefined) return;
      const isLast = i === batches.length - 1;
      this.#write(file, tail, input, entries, isLast ? reading.settled : (entries.at(-1)?.end ?? file.position), nowMs);
      // What could not be written yet is read again, when there is room.
      if (this.#pending !== undefined && !isLast) tail.close();
    });
  }

  #write(
    file: FollowedFile,
    tail: FileTail,
    input: AgentInput,
    entries: readonly Entry[],
    settled: number,
    nowMs: number,
  ): void {
    const account = copyAccount(file.account);
    const common = this.#commonOf(file, input);
    const lines: string[] = [];
    for (const entry of entries) {
      const line = recordEntry(this.#parts.recording, input, file, common, entry, account);
      if (line !== undefined) lines.push(line);
    }
    const leftOut = entries.length - lines.length;
    this.counts.events += lines.length;
    this.counts.sampledOut += leftOut;
    const place = { position: settled, print: tail.printAt(settled) };
    // With its first events a file is known by its content from now on, whatever becomes of its name.
    if (leftOut > 0 || file.print.at === 0) {
      lines.push(JSON.stringify(this.#ledgerLine(file, account, place, nowMs, false)));
    } else if (lines.length > 0 && !this.#ledgerDue.has(file.producer)) {
      this.#ledgerDue.set(file.producer, { sinceMs: nowMs });
    }
    this.#pending = { file, lines, account, place };
    this.#writePending();
  }

  /** True where nothing waits any more. */
  #writePending(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return true;
    const { file, lines, account, place } = pending;
    const left = lines.length === 0 ? lines : this.#parts.spool.append(lines);
    if (left.length > 0) {
      this.#pending = { ...pending, lines: left };
      return false;
    }
    this.#pending = undefined;
    // Losses may have been entered while it waited.
    file.account = { ...account, dropped: file.account.dropped, dead: file.account.dead };
    file.position = place.position;
    file.print = place.print;
    this.#isStateDue = true;
    return true;
  }

  #end(
    file: FollowedFile,
    tail: FileTail,
    reading: Exclude<Reading, { readonly kind: 'entries' }>,
    nowMs: number,
  ): boolean {
    if (reading.kind === 'end') {
      if (reading.isIdle && this.#openTails() > this.#parts.limits.maxOpenFiles) tail.rest();
      return false;
    }
    this.#isStateDue = true;
    if (reading.kind !== 'done') {
      this.#tails.delete(file.producer);
      if (reading.kind === 'replaced') {
        this.counts.replaced += 1;
        seek(file, nowMs);
      }
      // A look at the disk tells where it is now, before anything else is made of it.
      this.#lookedMs = Number.NEGATIVE_INFINITY;
      return true;
    }
    addAlias(file, tail.stamp());
    tail.close();
    this.#tails.delete(file.producer);
    file.state = 'done';
    file.identity = '';
    file.changedMs = nowMs;
    if (file.account.emitted > 0) this.#ledgerDue.set(file.producer, { sinceMs: Number.NEGATIVE_INFINITY });
    return false;
  }

  #tailOf(file: FollowedFile, input: AgentInput): FileTail {
    const known = this.#tails.get(file.producer);
    if (known !== undefined) return known;
    const tail = new FileTail(file, input, this.#parts.limits);
    this.#tails.set(file.producer, tail);
    return tail;
  }

  #openTails(): number {
    let open = 0;
    for (const tail of this.#tails.values()) if (tail.isOpen) open += 1;
    return open;
  }

  #commonOf(file: FollowedFile, input: AgentInput): FileFields {
    const known = this.#common.get(file.producer);
    if (known !== undefined) return known;
    const common = fieldsOfFile(input, file.path);
    if (this.#common.size > 10_000) this.#common.clear();
    this.#common.set(file.producer, common);
    return common;
  }

  #ledgerLine(file: FollowedFile, account: FollowedFile['account'], place: Place, nowMs: number, closed: boolean) {
    const input = this.#inputs.get(file.input);
    const service = input === undefined ? 'unknown_service' : this.#commonOf(file, input).service;
    const { host } = this.#parts.recording;
    return ledgerLine(
      { producer: file.producer, path: file.path, sinceMs: file.sinceMs, service, host },
      account,
      place,
      nowMs,
      closed,
    );
  }

  #writeLedgerLines(nowMs: number, isEnding: boolean): void {
    if (this.#pending !== undefined) return;
    for (const [producer, { sinceMs }] of this.#ledgerDue) {
      if (!isEnding && nowMs - sinceMs < LEDGER_MS) continue;
      const file = this.#parts.registry.get(producer);
      this.#ledgerDue.delete(producer);
      if (file === undefined) continue;
      const line = JSON.stringify(this.#ledgerLine(file, file.account, file, nowMs, file.state === 'done'));
      if (this.#parts.spool.append([line]).length === 0) continue;
      this.#ledgerDue.set(producer, { sinceMs });
      return;
    }
  }

  #noteFault(path: string, error: unknown): void {
    const reason = messageOf(error);
    this.#faultsOfLook.add(path);
    if (this.unreadable.get(path) === reason) return;
    this.unreadable.set(path, reason);
    this.#parts.onNotice('file_unreadable', `${path} can't be read, and is tried again: ${reason}`);
  }

  #noteReadable(path: string): void {
    if (this.unreadable.size > 0 && this.unreadable.delete(path)) {
      this.#parts.onNotice('file_readable', `${path} can be read again`);
    }
  }

  #noteLost(file: FollowedFile, bytes: number): void {
    this.counts.lostFiles += 1;
    this.counts.lostBytes += bytes;
    const what = bytes > 0 ? `its last ${bytes} bytes were` : 'it was';
    this.#parts.onNotice(
      'file_lost',
      `${file.path} was removed before ${what} read, and neither a renamed nor a compressed copy was found`,
    );
  }
}

/** What goes to the spool with one write; one at least, which may be empty. */
function batchesOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const batches: Entry[][] = [[]];
  let chars = 0;
  for (const entry of entries) {
    const open = batches.at(-1) ?? [];
    if (open.length > 0 && (open.length >= BATCH_ENTRIES || chars + entry.text.length > BATCH_CHARS)) {
      batches.push([entry]);
      chars = 0;
    } else {
      open.push(entry);
    }
    chars += entry.text.length;
  }
  return batches;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
