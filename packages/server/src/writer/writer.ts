/**
 * The writer: queue → store.
 *
 * It reads a batch, drops what is stored already, inserts the rest (from then on queries see it), and tells the queue to let
 * go of it once the store holds it durably. When that is depends on the store.
 *
 * A store of this process alone commits now and then: what it holds becomes durable together with the checkpoint, which
 * says how far the queue was read and which numbers of each producer are stored. The book knows these numbers, so a line that
 * comes twice, from a client or from a broker, is dropped.
 *
 *   killed before insert   the lines are in the queue, and are read again
 *   killed before commit   the store comes back without them; the checkpoint points before them; they are read again
 *   killed after commit    the queue still has them; they are skipped by their place, or dropped by their numbers
 *
 * A store that several writers share takes each event once by its id, and has it when `insert` resolves. There is no checkpoint
 * and no book: each batch is acknowledged after its insert, and what a dead writer had not acknowledged goes to another.
 *
 * Lines of this server's own spool were checked by the ingest. To a broker anybody may publish: its lines pass the same check
 * here. What does not pass becomes a dead letter before the batch is acknowledged, so it never comes again; so does what the
 * store says it will never take.
 *
 * A commit writes a segment, which takes a while; reading and inserting go on meanwhile. What fails is tried again, for
 * ever, with growing pauses: nothing is skipped. While it fails, `stats` says so, and the queue grows to its bound, at
 * which the sources answer 503.
 */

import type { Queue, QueueBatch } from '../queue/queue.ts';
import type { Bury } from '../sources/bury.ts';
import type { CheckLine } from '../sources/check-line.ts';
import type { Store } from '../store/store.ts';
import { gatherBatch } from './gather.ts';
import { insertEvents } from './insert-events.ts';
import type { LedgerBook } from './ledger-book.ts';
import type { Pace } from './pace.ts';
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS, Perseverance, reasonOf } from './perseverance.ts';
import { checkQueuedLine, type QueuedEvent, type QueuedLine, readQueuedLine } from './queued-line.ts';

export interface WriterOptions {
  readonly queue: Queue;
  readonly store: Store;
  /** Knows what is stored; `undefined` where the store is shared, and knows it itself. */
  readonly book: LedgerBook | undefined;
  /** `undefined` where no source of this process waits for the writer. */
  readonly pace: Pace | undefined;
  /** For a queue to which others publish: the check that its lines have to pass. */
  readonly check?: CheckLine;
  /** Where lines go that can't be read or stored. */
  readonly bury: Bury;
  readonly commitLines: number;
  readonly commitBytes: number;
  readonly commitSeconds: number;
  /** Lines that are read at once. @defaultValue 2000 */
  readonly batchLines?: number | undefined;
  /** How long a batch for a shared store is waited for until it is full. @defaultValue 0 */
  readonly batchTimeoutMs?: number | undefined;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

export interface WriterStats {
  /** Events that are in the store since the start. */
  readonly inserted: number;
  readonly duplicates: number;
  /** Lines that became dead letters here. */
  readonly buried: number;
  readonly commits: number;
  /** What the store or the queue says while it fails, `undefined` when all is well. */
  readonly failure: string | undefined;
  /** Events that the store holds and has not committed. */
  readonly uncommitted: number;
}

const BATCH_LINES = 2000;
const POLL_MS = 250;

interface Uncommitted {
  lines: number;
  bytes: number;
  sinceMs: number;
  /** The place in the queue behind all that was inserted. */
  position: string | undefined;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #perseverance: Perseverance;
  #running: Promise<void> = Promise.resolve();
  #commit: Promise<void> | undefined;
  #open: Uncommitted = { lines: 0, bytes: 0, sinceMs: 0, position: undefined };
  #inserted = 0;
  #duplicates = 0;
  #buried = 0;
  #commits = 0;
  #commitFailure: string | undefined;
  #commitPauseMs = FIRST_PAUSE_MS;
  #nextCommitMs = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#perseverance = new Perseverance({ signal: this.#stop.signal, log: options.log });
  }

  /**
   * Learns what the queue holds that the store doesn't, so that a client that sends it again hears "duplicate". A broker
   * remembers by itself how far it was read, and can't be asked twice.
   */
  async replay(): Promise<void> {
    const { queue, store, book } = this.#options;
    if (queue.placeIn === 'broker' || book === undefined) return;
    const position = store.checkpoint?.position;
    await queue.seek(position);
    for (;;) {
      const batch = await queue.read(BATCH_LINES, 0, this.#stop.signal);
      if (batch.lines.length === 0 && batch.unreadable.length === 0) break;
      for (const text of batch.lines) {
        const line = readQueuedLine(text);
        if (line.kind === 'event') book.replayAccepted(line.producer, line.sequence);
        else if (line.kind === 'ledger') book.noteLedger(line.ledger);
      }
    }
    await queue.seek(position);
  }

  start(): void {
    this.#running = this.#run();
  }

  stats(): WriterStats {
    return {
      inserted: this.#inserted,
      duplicates: this.#duplicates,
      buried: this.#buried,
      commits: this.#commits,
      failure: this.#perseverance.failure ?? this.#commitFailure,
      uncommitted: this.#open.lines,
    };
  }

  /** Ends the loop and commits what the store holds; what fails now is in the queue, and is read at the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#commit;
    if (this.#open.position === undefined) return;
    try {
      await this.#commitOnce();
    } catch (error) {
      this.#options.log('error', `the last commit failed; the next start reads the queue again: ${reasonOf(error)}`);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const batch = await this.#perseverance.until('reading the queue', () => this.#read());
      if (batch === undefined) return;
      if (batch.lines.length > 0 || batch.unreadable.length > 0) await this.#take(batch);
      if (this.#isCommitDue()) this.#startCommit();
    }
  }

  #read(): Promise<QueueBatch> {
    const { queue, store, batchLines = BATCH_LINES, batchTimeoutMs = 0 } = this.#options;
    const gatherMs = store.sharedLedger === undefined ? 0 : batchTimeoutMs;
    return gatherBatch(queue, { maxLines: batchLines, waitMs: this.#waitMs(), gatherMs }, this.#stop.signal);
  }

  async #take(batch: QueueBatch): Promise<void> {
    const lines = batch.lines.map((line, i) => this.#lineOf(line, batch.checked?.[i]));
    const unreadable = [...batch.unreadable, ...lines.filter((line) => line.kind === 'unreadable')];
    if (!(await this.#bury(unreadable))) return;
    const inserted = await insertEvents(this.#fresh(lines), {
      store: this.#options.store,
      perseverance: this.#perseverance,
      bury: (refused) => this.#bury(refused),
    });
    if (inserted === undefined) return;
    this.#options.pace?.noteInserted(batch.lines.reduce((bytes, line) => bytes + line.length, 0));
    this.#inserted += inserted.length;
    const { sharedLedger } = this.#options.store;
    if (sharedLedger === undefined) this.#noteInserted(inserted, lines, batch.end);
    else await this.#settle(lines, batch.end);
  }

  #lineOf(line: string, checked: Parameters<typeof readQueuedLine>[1]): QueuedLine {
    const { check } = this.#options;
    return checked !== undefined || check === undefined ? readQueuedLine(line, checked) : checkQueuedLine(line, check);
  }

  #fresh(lines: readonly QueuedLine[]): QueuedEvent[] {
    const { book } = this.#options;
    const seen = new Set<string>();
    const fresh: QueuedEvent[] = [];
    for (const line of lines) {
      if (line.kind !== 'event') continue;
      const id = `${line.producer}-${line.sequence}`;
      if (seen.has(id) || book?.isStored(line.producer, line.sequence) === true) {
        this.#duplicates += 1;
        book?.noteDuplicate(line.producer);
        continue;
      }
      seen.add(id);
      fresh.push(line);
    }
    return fresh;
  }

  /** False where the writer is closed before the letters are kept. */
  async #bury(lines: Parameters<Bury>[0]): Promise<boolean> {
    if (lines.length === 0) return true;
    const kept = await this.#perseverance.until('writing dead letters', async () => {
      await this.#options.bury(lines, 'queue', 'writer');
      return true;
    });
    if (kept === true) this.#buried += lines.length;
    return kept === true;
  }

  /** The store has them; they are durable with its next commit. */
  #noteInserted(inserted: readonly QueuedEvent[], lines: readonly QueuedLine[], end: string): void {
    const { book } = this.#options;
    for (const { producer, sequence, line } of inserted) {
      book?.markStored(producer, sequence);
      this.#open.bytes += line.length;
    }
    // What the ingest of this process has published is noted already; a broker brings what others have.
    for (const line of lines) if (line.kind === 'ledger') book?.noteLedger(line.ledger);
    if (this.#open.position === undefined) this.#open.sinceMs = this.#now();
    this.#open.lines += inserted.length;
    this.#open.position = end;
  }

  /** A shared store has them durably: the accounts of the producers follow, and the queue may let go. */
  async #settle(lines: readonly QueuedLine[], end: string): Promise<void> {
    const { queue, store, log } = this.#options;
    const ledgers = lines.flatMap((line) => (line.kind === 'ledger' ? [line.ledger] : []));
    if (ledgers.length > 0) {
      const note = async () => store.sharedLedger?.note(ledgers).then(() => true);
      if ((await this.#perseverance.until('writing the ledger', note)) === undefined) return;
    }
    this.#commits += 1;
    try {
      await queue.acknowledge(end);
    } catch (error) {
      log('warn', `what is stored can't be acknowledged now, and will come again: ${reasonOf(error)}`);
    }
  }

  #isCommitDue(): boolean {
    const { lines, bytes, sinceMs, position } = this.#open;
    if (position === undefined || this.#commit !== undefined || this.#now() < this.#nextCommitMs) return false;
    const { commitLines, commitBytes, commitSeconds } = this.#options;
    return lines >= commitLines || bytes >= commitBytes || this.#now() - sinceMs >= commitSeconds * 1000;
  }

  #waitMs(): number {
    if (this.#open.position === undefined) return POLL_MS;
    const left = this.#open.sinceMs + this.#options.commitSeconds * 1000 - this.#now();
    return Math.min(POLL_MS, Math.max(1, left));
  }

  /**
   * Called between two inserts only: what the store holds at this moment is what the checkpoint says. A commit that fails
   * is therefore not tried again by itself, but from the loop, when its pause is over.
   */
  #startCommit(): void {
    this.#commit = this.#commitOnce()
      .then(() => {
        if (this.#commitFailure !== undefined) this.#options.log('info', 'committing to the store works again');
        this.#commitFailure = undefined;
        this.#commitPauseMs = FIRST_PAUSE_MS;
      })
      .catch((error: unknown) => {
        const failure = `committing to the store failed: ${reasonOf(error)}`;
        if (failure !== this.#commitFailure) this.#options.log('error', `${failure}; trying again until it works`);
        this.#commitFailure = failure;
        this.#nextCommitMs = this.#now() + this.#commitPauseMs;
        this.#commitPauseMs = Math.min(LONGEST_PAUSE_MS, this.#commitPauseMs * 2);
      })
      .finally(() => {
        this.#commit = undefined;
      });
  }

  /** The store commits what was inserted up to now; `open` counts afresh from here. */
  async #commitOnce(): Promise<void> {
    const { store, queue, book } = this.#options;
    const { position, lines, bytes, sinceMs } = this.#open;
    if (position === undefined) return;
    this.#open = { lines: 0, bytes: 0, sinceMs: 0, position: undefined };
    try {
      await store.commit({ position, ledger: book?.snapshot() });
    } catch (error) {
      const since = this.#open;
      this.#open = {
        lines: since.lines + lines,
        bytes: since.bytes + bytes,
        sinceMs,
        position: since.position ?? position,
      };
      throw error;
    }
    this.#commits += 1;
    await queue.acknowledge(position);
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }
}
