import { LEDGER_SCHEMA, type LedgerLine } from 'tailrace/ledger';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { QueueNote, SharedLedger } from '../store/store.ts';
import { LedgerBook } from './ledger-book.ts';
import { QueueSight } from './queue-sight.ts';
import { type SharedLedgerView, viewSharedLedger } from './shared-ledger.ts';

const PRODUCER = '0mb1x9k3fqz7a';
const GRACE_MS = 30_000;
const MINUTE = 60_000;

const views: SharedLedgerView[] = [];

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  for (const view of views.splice(0)) view.close();
  vi.useRealTimers();
});

/** The ledger of a store, in memory; `stored` are the numbers that writers have put into it. */
function ledgerInMemory(stored: readonly (readonly [number, number])[]) {
  const notes = new Map<string, QueueNote>();
  const state = { stored, isAway: false };
  const unlessAway = <T>(value: T): Promise<T> =>
    state.isAway ? Promise.reject(new Error('the store is away')) : Promise.resolve(value);
  const ledger: SharedLedger = {
    note: () => unlessAway(undefined),
    accounts: () => unlessAway([{ producer: PRODUCER, stored: state.stored, lines: [ledgerLine(10)] }]),
    noteQueue: (note) => unlessAway(note).then((taken) => void notes.set(taken.process, taken)),
    queueNotes: () => unlessAway([...notes.values()]),
  };
  return { ledger, notes, state };
}

/** A process over this ledger, with a clock that may be wrong. */
function open(ledger: SharedLedger, process: string, aheadMs: number, queue?: () => { readonly passedMs: number }) {
  const sight = new QueueSight(queue !== undefined);
  const now = () => Date.now() + aheadMs;
  const book = new LedgerBook({
    maxProducers: 10,
    graceMs: GRACE_MS,
    get passedMs() {
      return Math.min(queue?.().passedMs ?? Number.POSITIVE_INFINITY, sight.passedMs);
    },
    now,
  });
  const logged: string[] = [];
  const view = viewSharedLedger({
    ledger,
    book,
    sight,
    queue: () => queue?.(),
    process,
    maxProducers: 10,
    log: (_, message) => logged.push(message),
    now,
  });
  views.push(view);
  return { missing: async () => (await view.report()).totals.missing, logged, view };
}

test('a process that only answers questions calls nothing missing that the queue of another may still hold', async () => {
  const { ledger, state } = ledgerInMemory([
    [1, 6],
    [9, 10],
  ]);
  const hour = 60 * MINUTE;
  const backlog = { oldestMs: Date.now() - hour };
  const writer = open(ledger, 'writer', 3 * hour, () => ({
    passedMs: backlog.oldestMs + 3 * hour,
  }));
  const query = open(ledger, 'query', -5 * hour);
  await vi.advanceTimersByTimeAsync(hour);
  expect([await writer.missing(), await query.missing()]).toEqual([0, 0]);

  // What it held comes out, all but one event.
  state.stored = [
    [1, 7],
    [9, 10],
  ];
  backlog.oldestMs = Number.POSITIVE_INFINITY;
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect([await writer.missing(), await query.missing()]).toEqual([1, 1]);
});

test('while a process does not know what the queue holds, nobody calls anything missing', async () => {
  const { ledger } = ledgerInMemory([[2, 10]]);
  const queue = { passedMs: 0 };
  open(ledger, 'writer', 0, () => queue);
  const query = open(ledger, 'query', 0);
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(await query.missing()).toBe(0);
  queue.passedMs = Date.now() + MINUTE;
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(await query.missing()).toBe(1);
});

test('the disk of one process holds back what all others say', async () => {
  const { ledger } = ledgerInMemory([[2, 10]]);
  const spool = { passedMs: Date.now() - MINUTE };
  const owner = open(ledger, 'ingest', 0, () => spool);
  const writer = open(ledger, 'writer', 0, () => ({ passedMs: Date.now() }));
  const query = open(ledger, 'query', 0);
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  expect([await owner.missing(), await writer.missing(), await query.missing()]).toEqual([0, 0, 0]);
  // It is gone for good, with its disk: that is a loss, and is told.
  owner.view.close();
  await vi.advanceTimersByTimeAsync(9 * MINUTE);
  expect([await writer.missing(), await query.missing()]).toEqual([0, 0]);
  await vi.advanceTimersByTimeAsync(3 * MINUTE);
  expect([await writer.missing(), await query.missing()]).toEqual([1, 1]);
});

test('where no process tells of a queue, the time of grace is all there is, as before', async () => {
  const { ledger, notes } = ledgerInMemory([[2, 10]]);
  const query = open(ledger, 'query', 0);
  await query.missing();
  await vi.advanceTimersByTimeAsync(GRACE_MS - 1000);
  expect(await query.missing()).toBe(0);
  await vi.advanceTimersByTimeAsync(2000);
  expect(await query.missing()).toBe(1);
  expect(notes.size).toBe(0);
});

test('a store that is away is told once, and what was told before holds', async () => {
  const { ledger, state } = ledgerInMemory([[2, 10]]);
  const queue = { passedMs: Date.now() };
  open(ledger, 'writer', 0, () => queue);
  const query = open(ledger, 'query', 0);
  await vi.advanceTimersByTimeAsync(MINUTE);
  state.isAway = true;
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(query.logged).toEqual(['the shared ledger fails: the store is away']);
  state.isAway = false;
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(await query.missing()).toBe(0);
});

function ledgerLine(sequence: number): LedgerLine {
  return {
    schema: LEDGER_SCHEMA,
    producer: PRODUCER,
    service: 'payments',
    host: 'h',
    pid: 1,
    started: '2026-11-21T09:00:00.000Z',
    timestamp: '2026-11-21T09:00:01.000Z',
    emitted: sequence,
    sequence,
    kept: { SAMPLED_NORMAL: sequence },
    sampled_out: {},
    dropped: {},
    dead: {},
    closed: false,
  };
}
