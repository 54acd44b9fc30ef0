import { expect, test } from 'vitest';
import type { AnswerMeta } from '../api/types.ts';
import { layOutColumns, totalOf } from './columns.ts';

const meta: AnswerMeta = {
  accuracy: 'estimated',
  limited: false,
  from: '',
  to: '',
  scanned: { segments: 0, hotEvents: 0 },
  elapsedMs: 1,
  warnings: [],
};
const at = (ms: number) => new Date(ms).toISOString();

test('every bucket of the range has a column, also the empty ones', () => {
  const buckets = [{ at: at(20_000), normal: { value: 100, low: 80, high: 130 }, slow: 2, error: 3 }];
  const columns = layOutColumns({ bucketMs: 10_000, buckets, meta }, 3_000, 45_000);
  expect(columns.seconds).toEqual([0, 10, 20, 30, 40]);
  expect(columns.total).toEqual([0, 0, 105, 0, 0]);
  expect(columns.troubled[2]).toBe(5);
  expect(columns.error[2]).toBe(3);
});

test('nothing at all is a flat line', () => {
  const columns = layOutColumns({ bucketMs: 10_000, buckets: [], meta }, 0, 30_000);
  expect(columns.total).toEqual([0, 0, 0]);
});

test('a total is exact where all its parts are, and as sure as its parts where not', () => {
  expect(totalOf({ at: at(0), normal: 5, slow: 1, error: 0 })).toBe(6);
  const part = { value: 50, low: 46, high: 53 };
  expect(totalOf({ at: at(0), normal: part, slow: { value: 10, low: 7, high: 14 }, error: 4 })).toEqual({
    value: 64,
    low: 59,
    high: 69,
  });
});
