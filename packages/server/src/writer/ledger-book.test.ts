import fc from 'fast-check';
import { LEDGER_SCHEMA, type LedgerAmendment, type LedgerLine } from 'tailrace/ledger';
import { expect, test } from 'vitest';
import { LedgerBook } from './ledger-book.ts';

const P = '0mb1x9k3fqz7a';

function clock(): { now: () => number; pass: (ms: number) => void } {
  let nowMs = 1_795_253_519_000;
  return {
    now: () => nowMs,
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

function bookAt(now: () => number, snapshot?: unknown, maxProducers = 100): LedgerBook {
  return new LedgerBook({ maxProducers, graceMs: 30_000, passedMs: Number.POSITIVE_INFINITY, now }, snapshot);
}

function accept(book: LedgerBook, sequences: readonly number[], producer = P): void {
  const publication = book.publication();
  for (const sequence of sequences) book.claim(producer, sequence, publication);
  publication.succeed();
}

function line(fields: Partial<LedgerLine>): LedgerLine {
  return {
    schema: LEDGER_SCHEMA,
    producer: P,
    service: 'payments',
    host: 'h1',
    pid: 7,
    started: '2026-11-21T09:00:00.000Z',
    timestamp: '2026-11-21T09:01:00.000Z',
    emitted: 0,
    sequence: 0,
    kept: {},
    sampled_out: {},
    dropped: {},
    dead: {},
    closed: false,
    ...fields,
  };
}

function amendment(dead: LedgerAmendment['dead'], dropped: LedgerAmendment['dropped'] = {}): LedgerAmendment {
  const timestamp = '2026-11-21T09:02:00.000Z';
  return { schema: LEDGER_SCHEMA, producer: P, amends: true, timestamp, dropped, dead, closed: true };
}

test('a number is a duplicate once it is on disk, and not before', async () => {
  const book = bookAt(clock().now);
  const failing = book.publication();
  expect(book.claim(P, 1, failing)).toEqual({ kind: 'fresh' });
  const other = book.publication();
  expect(book.claim(P, 1, other)).toEqual({ kind: 'contended', by: failing });
  failing.fail();
  expect(await failing.outcome).toBe(false);

  expect(book.claim(P, 1, other)).toEqual({ kind: 'fresh' });
  other.succeed();
  expect(book.claim(P, 1, book.publication())).toEqual({ kind: 'duplicate' });
});

test('a hole is in flight at first, and missing when the grace is over', () => {
  const time = clock();
  const book = bookAt(time.now);
  accept(book, [1, 2, 5]);
  book.noteLedger(line({ emitted: 10, sequence: 6, kept: { HAS_ERROR: 6 }, sampled_out: { SAMPLED_NORMAL: 4 } }));
  expect(book.report().totals).toMatchObject({ emitted: 10, kept: 6, stored: 0, queued: 3, inFlight: 6, missing: 0 });

  for (const sequence of [1, 2, 5]) book.markStored(P, sequence);
  time.pass(30_000);
  expect(book.report().totals).toMatchObject({ kept: 6, stored: 3, inFlight: 0, missing: 3 });
  expect(book.report().producers[0]?.missingIntervals).toEqual([
    [3, 4],
    [6, 6],
  ]);
});

test('a hole is in flight for as long as the queue holds something older than what told of it', () => {
  const time = clock();
  const queue = { passedMs: time.now() - 1 };
  const book = new LedgerBook({
    maxProducers: 10,
    graceMs: 30_000,
    get passedMs() {
      return queue.passedMs;
    },
    now: time.now,
  });
  book.noteStored(P, [
    [1, 5],
    [8, 9],
  ]);
  time.pass(3_600_000);
  expect(book.report().totals).toMatchObject({ inFlight: 2, missing: 0 });
  book.noteStored(P, [[6, 6]]);
  queue.passedMs = time.now();
  expect(book.report().totals).toMatchObject({ inFlight: 0, missing: 1 });
  // What becomes known from now on has its own grace.
  book.noteStored(P, [[11, 11]]);
  expect(book.report().totals).toMatchObject({ inFlight: 1, missing: 1 });
});

test('while nothing is known of the queue, nothing is missing; and long waiting forgets no hole', () => {
  const time = clock();
  const queue = { passedMs: 0 };
  const book = new LedgerBook({
    maxProducers: 10,
    graceMs: 30_000,
    get passedMs() {
      return queue.passedMs;
    },
    now: time.now,
  });
  for (let second = 1; second <= 6000; second += 1) {
    book.noteStored(P, [[2 * second, 2 * second]]);
    time.pass(1000);
  }
  expect(book.report().totals).toMatchObject({ inFlight: 6000, missing: 0 });
  queue.passedMs = time.now();
  time.pass(30_000);
  queue.passedMs = time.now();
  expect(book.report().totals).toMatchObject({ inFlight: 0, missing: 6000 });
});

test('what the producer dropped or buried is not missing, and a replayed dead letter is stored', () => {
  const time = clock();
  const book = bookAt(time.now);
  accept(book, [1, 2]);
  book.noteLedger(
    line({
      emitted: 8,
      sequence: 8,
      dropped: { spool_full: { count: 3, sequences: [[3, 4]] } },
      dead: { tailrace: { count: 2, sequences: [[5, 6]] } },
    }),
  );
  time.pass(31_000);
  // 7 and 8 are holes; one of the three drops has no number, so it is one of them.
  expect(book.report().totals).toMatchObject({ dropped: 3, dead: 2, missing: 1 });
  accept(book, [5]);
  expect(book.report().totals).toMatchObject({ dropped: 3, dead: 1, missing: 1, queued: 3 });
});

test('an older ledger line that comes late changes nothing', () => {
  const book = bookAt(clock().now);
  book.noteLedger(line({ emitted: 9, sequence: 9, closed: true }));
  book.noteLedger(line({ emitted: 5, sequence: 5 }));
  expect(book.report().producers[0]).toMatchObject({ emitted: 9, closed: true });
});

test('an amendment accounts for what a killed producer could not tell, whatever comes after it or twice', () => {
  const time = clock();
  const book = bookAt(time.now);
  accept(book, [1, 2]);
  for (const sequence of [1, 2]) book.markStored(P, sequence);
  const own = line({ emitted: 4, sequence: 4, dead: { tailrace: { count: 1, sequences: [[3, 3]] } } });
  book.noteLedger(own);
  const amends = amendment(
    {
      tailrace: {
        count: 2,
        sequences: [
          [3, 3],
          [6, 6],
        ],
      },
    },
    { own_failure: { count: 2, sequences: [[4, 5]] } },
  );
  book.noteLedger(amends);
  book.noteLedger(own);
  book.noteLedger(amends);
  time.pass(31_000);
  for (const one of [book, bookAt(time.now, JSON.parse(JSON.stringify(book.snapshot())))]) {
    time.pass(31_000);
    expect(one.report().totals).toMatchObject({ kept: 6, dead: 2, dropped: 2, missing: 0 });
    expect(one.report().producers).toMatchObject([{ closed: true, service: 'payments' }]);
  }
  accept(book, [6]);
  expect(book.report().totals).toMatchObject({ kept: 6, dead: 1, dropped: 2, missing: 0 });
});

test('the account always balances, and survives its checkpoint', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
  const step = fc.record({ sequences: numbers, stored: fc.boolean(), wait: fc.integer({ min: 0, max: 40_000 }) });
  const losses = fc.record({ dropped: numbers, dead: numbers, sequence: fc.integer({ min: 0, max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), losses, (steps, loss) => {
      const time = clock();
      const book = bookAt(time.now);
      const stored = new Set<number>();
      for (const { sequences, stored: isStored, wait } of steps) {
        accept(book, sequences);
        if (isStored) {
          for (const sequence of sequences) {
            book.markStored(P, sequence);
            stored.add(sequence);
          }
        }
        time.pass(wait);
      }
      // A producer counts an event once: dropped before it could become a dead letter.
      const dropped = loss.dropped.filter((n) => n <= loss.sequence);
      const dead = loss.dead.filter((n) => n <= loss.sequence && !dropped.includes(n));
      book.noteLedger(
        line({
          emitted: loss.sequence,
          sequence: loss.sequence,
          dropped: { spool_full: { count: dropped.length, sequences: asIntervals(dropped) } },
          dead: { tailrace: { count: dead.length, sequences: asIntervals(dead) } },
        }),
      );
      for (const pass of [0, 60_000]) {
        time.pass(pass);
        const { kept, stored: inStore, inFlight, dropped: lost, dead: buried, missing } = book.report().totals;
        expect(inStore + inFlight + lost + buried + missing).toBe(kept);
      }

      const restored = bookAt(time.now, JSON.parse(JSON.stringify(book.snapshot())));
      for (let n = 1; n <= 40; n += 1) expect(restored.isStored(P, n)).toBe(stored.has(n));
    }),
  );
});

test('many producers cost little: complete ones are folded, and their duplicates are still known', () => {
  const time = clock();
  const book = bookAt(time.now, undefined, 10);
  for (let i = 0; i < 50; i += 1) {
    const producer = `producer${String(i).padStart(4, '0')}`;
    accept(book, [1, 2, 3], producer);
    for (const n of [1, 2, 3]) book.markStored(producer, n);
    time.pass(1000);
  }
  const snapshot = book.snapshot();
  expect(snapshot.producers).toHaveLength(10);
  expect(snapshot.folded).toHaveLength(40);

  const restored = bookAt(time.now, JSON.parse(JSON.stringify(snapshot)), 10);
  expect(restored.report().totals).toMatchObject({ kept: 150, stored: 150, missing: 0 });
  expect(restored.isStored('producer0000', 3)).toBe(true);
  expect(restored.claim('producer0000', 3, restored.publication())).toEqual({ kind: 'duplicate' });
  expect(restored.claim('producer0000', 4, restored.publication())).toEqual({ kind: 'fresh' });
  expect(restored.report().totals.stored).toBe(150);
});

test('a client that numbers at random is refused before it costs the memory', () => {
  const book = bookAt(clock().now);
  accept(
    book,
    Array.from({ length: 10_000 }, (_, i) => i * 2 + 1),
  );
  expect(book.claim(P, 30_001, book.publication())).toMatchObject({ kind: 'refused' });
  expect(book.claim(P, 20_000, book.publication())).toEqual({ kind: 'fresh' });
});

function asIntervals(numbers: readonly number[]): [number, number][] {
  return [...numbers].sort((a, b) => a - b).map((n) => [n, n]);
}
