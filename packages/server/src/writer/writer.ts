/**
 * The writer: queue → store.
 *
 * It reads a batch, drops what is stored already, inserts the rest (from then on queries see it), and now and then
 * commits: the store makes what it holds durable together with the checkpoint, which says how far the queue was read and
 * which numbers of each producer are stored. Only then the queue may let go of it.
 *
 *   killed before insert   the lines are in the queue, and are read again
 *   killed before commit   the store comes back without them; the checkpoint points before them; they are read again
 *   killed after commit    the queue still has them; the checkpoint points behind them; they are skipped
 *
 * A commit writes a segment, which takes a while; reading and inserting go on meanwhile. What fails is tried again, for
 * ever, with growing pauses: nothing is skipped. While it fails, `stats` says so, and the queue grows to its bound, at
 * which the sources answer 503.
 */

import type { Queue, QueueBatch } from '../queue/queue.ts';
import type { DeadLetter } from '../sources/dead-letters.ts';
import type { Store } from '../store/store.ts';
import type { LedgerBook } from './ledger-book.ts';
import type { Pace } from './pace.ts';
import { type QueuedLine, readQueuedLine } from './queued-line.ts';

export interface WriterOptions {
  readonly queue: Queue;
  readonly store: Store;
  readonly book: LedgerBook;
  readonly pace: Pace;
  /** Where lines go that the queue can't give back whole. */
  readonly bury: (letters: readonly Pick<DeadLetter, 'reason' | 'line'>[]) => Promise<void>;
  readonly commitLines: number;
  readonly commitBytes: number;
  readonly commitSeconds: number;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

export interface WriterStats {
  /** Events that are in the store since the start. */
  readonly inserted: number;
  readonly duplicates: number;
  readonly commits: number;
  /** What the store or the queue says while it fails, `undefined` when all is well. */
  readonly failure: string | undefined;
  /** Events that the store holds and has not committed. */
  readonly uncommitted: number;
}

const BATCH_LINES = 2000;
const POLL_MS = 250;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

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
  #running: Promise<void> = Promise.resolve();
  #commit: Promise<void> | undefined;
  #open: Uncommitted = { lines: 0, bytes: 0, sinceMs: 0, position: undefined };
  #inserted = 0;
  #duplicates = 0;
  #commits = 0;
  #failure: string | undefined;
  #commitFailure: string | undefined;
  #commitPauseMs = FIRST_PAUSE_MS;
  #nextCommitMs = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Learns what the queue holds that the store doesn't, so that a client that sends it again hears "duplicate". */
  async replay(): Promise<void> {
    const { queue, store, book } = this.#options;
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
      commits: this.#commits,
      failure: this.#failure ?? this.#commitFailure,
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
    const { queue } = this.#options;
    while (!this.#isStopped) {
      const batch = await this.#again('reading the queue', () =>
        queue.read(BATCH_LINES, this.#waitMs(), this.#stop.signal),
      );
      if (batch === undefined) return;
      if (batch.lines.length > 0 || batch.unreadable.length > 0) await this.#take(batch);
      if (this.#isCommitDue()) this.#startCommit();
    }
  }

  async #take(batch: QueueBatch): Promise<void> {
    const lines = batch.lines.map((line, i) => readQueuedLine(line, batch.checked?.[i]));
    const fresh = this.#fresh(lines);
    const unreadable = [...batch.unreadable, ...lines.filter((line) => line.kind === 'unreadable')];
    if (unreadable.length > 0) {
      const buried = await this.#again('writing dead letters', () => this.#options.bury(unreadable).then(() => true));
      if (buried === undefined) return;
    }
    if (fresh.length > 0) {
      const done = await this.#again('writing to the store', () => this.#options.store.insert(fresh).then(() => true));
      if (done === undefined) return;
    }
    this.#options.pace.noteInserted(batch.lines.reduce((bytes, line) => bytes + line.length, 0));
    for (const { producer, sequence, line } of fresh) {
      this.#options.book.markStored(producer, sequence);
      this.#open.bytes += line.length;
    }
    if (this.#open.position === undefined) this.#open.sinceMs = this.#now();
    this.#open.lines += fresh.length;
    this.#open.position = batch.end;
    this.#inserted += fresh.length;
  }

  #fresh(lines: readonly QueuedLine[]): Extract<QueuedLine, { kind: 'event' }>[] {
    const { book } = this.#options;
    const seen = new Set<string>();
    const fresh: Extract<QueuedLine, { kind: 'event' }>[] = [];
    for (const line of lines) {
      if (line.kind !== 'event') continue;
      const id = `${line.producer}-${line.sequence}`;
      if (seen.has(id) || book.isStored(line.producer, line.sequence)) {
        this.#duplicates += 1;
        continue;
      }
      seen.add(id);
      fresh.push(line);
    }
    return fresh;
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
      await store.commit({ position, ledger: book.snapshot() });
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

  /** Does it until it is done; `undefined` where the writer is closed meanwhile. */
  async #again<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      try {
        const result = await work();
        if (this.#failure !== undefined) this.#options.log('info', `${what} works again`);
        this.#failure = undefined;
        return result;
      } catch (error) {
        if (this.#isStopped) return undefined;
        const failure = `${what} failed: ${reasonOf(error)}`;
        if (failure !== this.#failure) this.#options.log('error', `${failure}; trying again until it works`);
        this.#failure = failure;
        await pause(pauseMs, this.#stop.signal);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
