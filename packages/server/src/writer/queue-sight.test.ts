import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QueueNote } from '../store/store.ts';
import { QueueSight } from './queue-sight.ts';

const MINUTE = 60_000;

function note(process: string, number: number, behindMs: number | undefined): QueueNote {
  return { process, number, behindMs };
}

test('where nobody tells anything, the queue holds nothing back', () => {
  const sight = new QueueSight(false);
  expect(sight.passedMs).toBe(Number.POSITIVE_INFINITY);
  sight.look([], 1000);
  expect(sight.passedMs).toBe(Number.POSITIVE_INFINITY);
});

test('a first note tells that there is a queue, the ones after it how far it has been emptied', () => {
  const sight = new QueueSight(false);
  sight.look([], 100_000);
  sight.look([note('a', 1, 0)], 110_000);
  expect(sight.passedMs).toBe(Number.NEGATIVE_INFINITY);
  // The second was made after the first was written, and that was after the look at 100 s.
  sight.look([note('a', 2, 5000)], 120_000);
  expect(sight.passedMs).toBe(95_000);
  sight.look([note('a', 3, 5000)], 130_000);
  expect(sight.passedMs).toBe(105_000);
  sight.look([note('a', 4, undefined)], 140_000);
  expect(sight.passedMs).toBe(Number.NEGATIVE_INFINITY);
});

test('of several processes the one that is furthest behind counts', () => {
  const sight = new QueueSight(false);
  for (let n = 1; n <= 3; n += 1) sight.look([note('a', n, 0), note('b', n, 3_600_000)], n * 10_000);
  expect(sight.passedMs).toBe(10_000 - 3_600_000);
});

test('a process that fell silent holds back ten minutes, while another one tells', () => {
  const sight = new QueueSight(false);
  let atMs = 0;
  const look = (notes: readonly QueueNote[]) => {
    atMs += 10_000;
    sight.look(notes, atMs);
  };
  let n = 0;
  const living = () => {
    n += 1;
    return note('living', n, 0);
  };
  for (let i = 1; i <= 3; i += 1) look([living(), note('dead', i, MINUTE)]);
  const held = sight.passedMs;
  expect(held).toBe(10_000 - MINUTE);
  const diedMs = atMs;
  while (atMs < diedMs + 10 * MINUTE - 10_000) look([living(), note('dead', 3, MINUTE)]);
  expect(sight.passedMs).toBe(held);
  look([living(), note('dead', 3, MINUTE)]);
  expect(sight.passedMs).toBe(atMs - 20_000);
  // It was away only.
  look([living(), note('dead', 4, MINUTE)]);
  expect(sight.passedMs).toBeLessThan(atMs - MINUTE);
});

test('where all have fallen silent, nobody empties the queue: what they said holds until the store forgets it', () => {
  const sight = new QueueSight(false);
  for (let n = 1; n <= 3; n += 1) sight.look([note('a', n, 0), note('b', n, 1000)], n * 10_000);
  for (let atMs = 40_000; atMs < 100 * MINUTE; atMs += 10_000) sight.look([note('a', 3, 0), note('b', 3, 1000)], atMs);
  expect(sight.passedMs).toBe(9000);
  sight.look([], 101 * MINUTE);
  expect(sight.passedMs).toBe(Number.POSITIVE_INFINITY);
});

test('a process that sees the queue itself is not silent', () => {
  const sight = new QueueSight(true);
  for (let n = 1; n <= 3; n += 1) sight.look([note('a', n, 0)], n * 10_000);
  for (let atMs = 40_000; atMs < 9 * MINUTE; atMs += 10_000) sight.look([note('a', 3, 0)], atMs);
  expect(sight.passedMs).toBe(10_000);
  for (let atMs = 9 * MINUTE; atMs < 11 * MINUTE; atMs += 10_000) sight.look([note('a', 3, 0)], atMs);
  expect(sight.passedMs).toBe(Number.POSITIVE_INFINITY);
});

test('a store that was away for an hour has silenced nobody', () => {
  const sight = new QueueSight(false);
  for (let n = 1; n <= 3; n += 1) sight.look([note('a', n, 0), note('b', n, MINUTE)], n * 10_000);
  sight.look([note('a', 4, 0), note('b', 3, MINUTE)], 60 * MINUTE);
  expect(sight.passedMs).toBe(10_000 - MINUTE);
});

test('whatever the clocks say and however long a note takes, the time is never too late', () => {
  const step = fc.record({
    passMs: fc.integer({ min: 1, max: 20_000 }),
    what: fc.constantFrom('publish', 'take', 'make', 'write', 'look'),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 200, size: 'max' }),
      fc.integer({ min: -1e9, max: 1e9 }),
      (steps, readerAheadMs) => {
        const sight = new QueueSight(false);
        const queued: number[] = [];
        let atMs = 1e12;
        let made: QueueNote | undefined;
        let written: QueueNote | undefined;
        let number = 0;
        for (const { passMs, what } of steps) {
          atMs += passMs;
          if (what === 'publish') queued.push(atMs);
          else if (what === 'take') queued.shift();
          else if (what === 'make' && made === undefined) {
            number += 1;
            made = note('writer', number, atMs - (queued[0] ?? atMs));
          } else if (what === 'write' && made !== undefined) {
            written = made;
            made = undefined;
          } else if (what === 'look') {
            sight.look(written === undefined ? [] : [written], atMs + readerAheadMs);
          }
          const oldestMs = queued[0] ?? atMs;
          const { passedMs } = sight;
          if (passedMs !== Number.POSITIVE_INFINITY) expect(passedMs - readerAheadMs).toBeLessThanOrEqual(oldestMs);
        }
      },
    ),
    { numRuns: 300 },
  );
});
