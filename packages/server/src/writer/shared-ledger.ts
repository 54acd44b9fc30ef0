/**
 * The ledger of a store that several writers share. No writer has seen everything, so the store keeps what is known of each
 * producer, and each process that is asked reads it into a book of its own: one report for both kinds of store.
 *
 * A hole counts as missing once it has been known for the time of grace. The store doesn't say since when a number is known,
 * so this process remembers when it saw it first; one that has just started calls a hole in flight until then. It looks by
 * itself now and then, so that the time runs although nobody asks. With each such look it tells what it knows of the queue.
 */
import type { QueueStats } from '../queue/queue.ts';
import type { SharedLedger } from '../store/store.ts';
import type { LedgerBook } from './ledger-book.ts';
import type { LedgerReport } from './ledger-report.ts';
import { reasonOf } from './perseverance.ts';
import type { QueueSight } from './queue-sight.ts';

export interface SharedLedgerViewOptions {
  readonly ledger: SharedLedger;
  /** A book that nobody else writes to. */
  readonly book: LedgerBook;
  /** Learns what other processes see of the queue. */
  readonly sight: QueueSight;
  /** What this process sees of it; `undefined` where that is nothing. */
  readonly queue: () => Pick<QueueStats, 'passedMs'> | undefined;
  /** Names this process among those that share the store; `undefined` for one that doesn't see a queue. */
  readonly process: string | undefined;
  readonly maxProducers: number;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

export interface SharedLedgerView {
  report(): Promise<LedgerReport>;
  close(): void;
}

const FRESH_MS = 1000;
/** Soon: a process that dies of what the queue holds may not live long. */
const FIRST_LOOK_MS = 1000;
const LOOK_MS = 10_000;

export function viewSharedLedger(options: SharedLedgerViewOptions): SharedLedgerView {
  const { ledger, book, sight, queue, process, maxProducers, log, now = Date.now } = options;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isFailing = false;
  let noted: ReadonlySet<string> = new Set();
  let lastNote = 0;
  let hasTold = process === undefined;

  async function read(): Promise<void> {
    const lookedMs = now();
    // Before the accounts: what a queue had passed by then is in them.
    const notes = await ledger.queueNotes();
    const accounts = await ledger.accounts(maxProducers);
    const seen = new Set<string>();
    for (const { producer, stored, lines } of accounts) {
      book.noteStored(producer, stored);
      // What was noted before says nothing new, and would make the producer look as if it had just been heard.
      for (const line of lines) {
        const kind = 'amends' in line ? 'amendment' : 'line';
        const key = `${producer} ${kind} ${line.timestamp}`;
        if (!noted.has(key)) book.noteLedger(line);
        seen.add(key);
      }
    }
    noted = seen;
    sight.look(
      notes.filter((note) => note.process !== process),
      lookedMs,
    );
    readAtMs = now();
  }

  function refresh(): Promise<void> {
    if (now() - readAtMs < FRESH_MS) return Promise.resolve();
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  /** Never two at a time: whoever reads the notes relies on their order. */
  async function tell(): Promise<void> {
    const seen = queue();
    if (seen === undefined || process === undefined) return;
    // Also higher than those of the process that had this name before.
    lastNote = Math.max(lastNote + 1, Math.floor(now()));
    const behindMs = seen.passedMs > 0 ? Math.max(0, Math.ceil(now() - seen.passedMs)) : undefined;
    await ledger.noteQueue({ process, number: lastNote, behindMs });
    hasTold = true;
  }

  let timer = setTimeout(step, FIRST_LOOK_MS).unref();
  let isClosed = false;

  async function step(): Promise<void> {
    const outcomes = await Promise.allSettled([refresh(), tell()]);
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined && !isFailing) log('warn', `the shared ledger fails: ${reasonOf(failure.reason)}`);
    isFailing = failure !== undefined;
    if (!isClosed) timer = setTimeout(step, hasTold ? LOOK_MS : FIRST_LOOK_MS).unref();
  }

  return {
    async report() {
      await refresh();
      return book.report();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
