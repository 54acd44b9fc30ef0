/**
 * Log files → the agent's own spool: none of their lines lost, none there twice. Here the files are looked for and read;
 * `file-recorder.ts` makes what was read durable.
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
import { FileRecorder } from './file-recorder.ts';
import type { FileRegistry } from './file-registry.ts';
import { FileTail, type Reading, type TailLimits } from './file-tail.ts';
import { addAlias, type FollowedFile } from './followed-file.ts';
import type { AgentInput } from './input.ts';
import type { OwnSpool } from './own-spool.ts';
import type { RecordingParts } from './record-entry.ts';

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

/** A file gives up its turn after so many bytes. */
const TURN_BYTES = 1 << 20;
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
  readonly #recorder: FileRecorder;
  #turn = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  readonly #faultsOfLook = new Set<string>();

  constructor(parts: ShipperParts) {
    this.#parts = parts;
    this.#recorder = new FileRecorder({ ...parts, counts: this.counts });
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
    if (!this.#recorder.writePending()) return false;
    if (isHinted || nowMs - this.#lookedMs >= this.#parts.limits.scanMs) {
      this.#lookedMs = nowMs;
      await this.#look(nowMs);
    }
    // Before a first event goes to the spool, its producer must be known for good.
    if (!(await this.#recorder.saveNewFiles(nowMs))) return false;
    let hasMore = false;
    for (const file of [...this.#parts.registry.files]) {
      if (signal.aborted || this.#recorder.isWaiting) break;
      if (file.state === 'done' || file.state === 'sought') continue;
      const isQuiet = nowMs - file.changedMs > IDLE_MS && file.size === file.position;
      if (isQuiet && !isHinted && (this.#turn + file.sinceMs) % IDLE_TURNS !== 0) continue;
      if (await this.#readFile(file, nowMs, signal)) hasMore = true;
    }
    await this.#recorder.writeDue(nowMs);
    return hasMore && !this.#recorder.isWaiting;
  }

  /** True where all that is there is read, and nothing waits for time to pass. */
  isCaughtUp(): boolean {
    if (this.#recorder.isWaiting || this.#discovery.waiting > 0) return false;
    return [...this.#parts.registry.files].every((file) => {
      if (this.unreadable.has(file.location)) return true;
      return file.state === 'done' || (file.state !== 'sought' && !file.isGzip && file.size <= file.position);
    });
  }

  /** Puts the account of each file, and then the state, on disk. */
  async close(nowMs: number): Promise<void> {
    await this.#recorder.writeAll(nowMs);
    for (const tail of this.#tails.values()) tail.close();
    this.#tails.clear();
  }

  /** A loss in delivery, for the account of the file. */
  noteChanged(producer: string, nowMs: number): void {
    this.#recorder.noteChanged(producer, nowMs);
  }

  async #look(nowMs: number): Promise<void> {
    this.#faultsOfLook.clear();
    if (await this.#discovery.look(nowMs)) this.#recorder.noteNewFiles();
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
        if (this.#recorder.isWaiting) return false;
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
    const isAll = this.#recorder.record(file, input, reading, (place) => tail.printAt(place), nowMs);
    // What could not be written yet is read again, when there is room.
    if (!isAll) tail.close();
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
    this.#recorder.noteMoved();
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
    if (file.account.emitted > 0) this.#recorder.noteChanged(file.producer, Number.NEGATIVE_INFINITY);
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
