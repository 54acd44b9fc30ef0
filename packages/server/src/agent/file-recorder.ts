/**
 * Entries of files → lines in the spool, each with its place and number; then the account and the place themselves, in
 * ledger lines and in the state file.
 *
 * When the spool takes no more, what is left of a batch waits here, and nothing else is taken until it is written.
 */
import type { Entry } from './entry-assembler.ts';
import { copyAccount, ledgerLine } from './file-account.ts';
import type { FilePrint } from './file-print.ts';
import type { FileRegistry } from './file-registry.ts';
import type { FollowedFile } from './followed-file.ts';
import type { AgentInput } from './input.ts';
import type { OwnSpool } from './own-spool.ts';
import { type FileFields, fieldsOfFile, type RecordingParts, recordEntry } from './record-entry.ts';

export interface RecorderParts {
  readonly registry: FileRegistry;
  readonly spool: OwnSpool;
  readonly inputs: readonly AgentInput[];
  readonly recording: RecordingParts;
  readonly counts: { events: number; sampledOut: number };
  readonly onNotice: (code: string, message: string) => void;
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

/** Bounds on what goes to the spool with one write. */
const BATCH_ENTRIES = 500;
const BATCH_CHARS = 256 * 1024;
const LEDGER_MS = 1_000;
const STATE_MS = 2_000;

export class FileRecorder {
  readonly #parts: RecorderParts;
  readonly #inputs: ReadonlyMap<string, AgentInput>;
  readonly #common = new Map<string, FileFields>();
  /** What of each account is not yet in a ledger line. */
  readonly #ledgerDue = new Map<string, { readonly sinceMs: number }>();
  #pending: PendingBatch | undefined;
  #stateMs = Number.NEGATIVE_INFINITY;
  #isStateDue = false;
  #hasUnsavedFiles = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#inputs = new Map(parts.inputs.map((input) => [input.name, input]));
  }

  /** True where the spool did not take all of the last batch. */
  get isWaiting(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Makes events of the entries, and writes them. False where the spool is full and entries were left: those are to be read
   * again.
   *
   * @param printAt - the print of the file up to a place, or up to one before it
   */
  record(
    file: FollowedFile,
    input: AgentInput,
    { entries, settled }: { readonly entries: readonly Entry[]; readonly settled: number },
    printAt: (position: number) => FilePrint,
    nowMs: number,
  ): boolean {
    const batches = batchesOf(entries);
    for (const [i, batch] of batches.entries()) {
      if (this.isWaiting) return false;
      const position = i === batches.length - 1 ? settled : (batch.at(-1)?.end ?? file.position);
      this.#write(file, input, batch, { position, print: printAt(position) }, nowMs);
    }
    return true;
  }

  /** Files were added: they are to be in the state file before anything of them is in the spool. */
  noteNewFiles(): void {
    this.#hasUnsavedFiles = true;
  }

  /** Something has changed that only the state file tells. */
  noteMoved(): void {
    this.#isStateDue = true;
  }

  /** The account of a file has changed: a ledger line is due. */
  noteChanged(producer: string, nowMs: number): void {
    this.#ledgerDue.set(producer, { sinceMs: nowMs });
    this.#isStateDue = true;
  }

  /** False where there are new files, and the disk doesn't take the state file. */
  async saveNewFiles(nowMs: number): Promise<boolean> {
    return !this.#hasUnsavedFiles || this.#saveState(nowMs);
  }

  /** Ledger lines and the state, where their time has come. */
  async writeDue(nowMs: number): Promise<void> {
    this.#writeLedgerLines(nowMs, false);
    if (this.#isStateDue && nowMs - this.#stateMs >= STATE_MS) await this.#saveState(nowMs);
  }

  /** All that is not on disk yet. */
  async writeAll(nowMs: number): Promise<void> {
    if (this.writePending()) this.#writeLedgerLines(nowMs, true);
    await this.#saveState(nowMs);
  }

  /** True where nothing waits any more. */
  writePending(): boolean {
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

  /** Replaces the state file, and frees what only it needed of the spool. False where the disk doesn't take it. */
  async #saveState(nowMs: number): Promise<boolean> {
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

  #write(file: FollowedFile, input: AgentInput, entries: readonly Entry[], place: Place, nowMs: number): void {
    const account = copyAccount(file.account);
    const common = this.#commonOf(file, input);
    const lines: string[] = [];
    for (const entry of entries) {
      const line = recordEntry(this.#parts.recording, input, file, common, entry, account);
      if (line !== undefined) lines.push(line);
    }
    const leftOut = entries.length - lines.length;
    this.#parts.counts.events += lines.length;
    this.#parts.counts.sampledOut += leftOut;
    // With its first events a file is known by its content from now on, whatever becomes of its name.
    // What was passed on doesn't tell its place, as what was left out doesn't.
    if (leftOut > 0 || account.passedOn > file.account.passedOn || file.print.at === 0) {
      lines.push(JSON.stringify(this.#ledgerLine(file, account, place, nowMs, false)));
    } else if (lines.length > 0 && !this.#ledgerDue.has(file.producer)) {
      this.#ledgerDue.set(file.producer, { sinceMs: nowMs });
    }
    this.#pending = { file, lines, account, place };
    this.writePending();
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
