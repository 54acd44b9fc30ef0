import { expect, it } from 'vitest';
import type { Segment } from './manifest.ts';
import { chooseMerge, DEFAULT_MERGE_LIMITS, type MergeLimits } from './merge-segments.ts';

const MINUTE_MS = 60_000;
const HOUR = Date.parse('2026-11-21T09:00:00.000Z');
const LIMITS: MergeLimits = { fanIn: 4, maxRows: 1000, maxBytes: 1_000_000, quietMs: 5 * MINUTE_MS };

function segment(n: number, rows: number, writtenMs: number): Segment {
  const path = `segments/date=2026-11-21/hour=09/${n}.parquet`;
  return { path, rows, bytes: rows * 100, minMs: HOUR, maxMs: HOUR + 1, sampled: 0, writtenMs };
}

function merges(segments: readonly Segment[], nowMs: number, limits = LIMITS): number | undefined {
  return chooseMerge(segments, nowMs, limits)?.length;
}

it('segments of like size are merged when there are enough of them', () => {
  const now = HOUR + 10 * MINUTE_MS;
  expect(merges([segment(1, 10, now), segment(2, 10, now), segment(3, 12, now)], now)).toBeUndefined();
  expect(
    merges(
      [1, 2, 3, 4].map((n) => segment(n, 10, now)),
      now,
    ),
  ).toBe(4);
  expect(merges([...[1, 2, 3].map((n) => segment(n, 10, now)), segment(4, 400, now)], now)).toBeUndefined();
});

it('what is left of a past hour is merged once nothing more is written to it', () => {
  const written = HOUR + 200 * MINUTE_MS;
  const left = [segment(1, 10, written - 60 * MINUTE_MS), segment(2, 300, written)];
  expect(merges(left, written + MINUTE_MS)).toBeUndefined();
  expect(merges(left, written + 6 * MINUTE_MS)).toBe(2);
});

it('a past hour that is filled at full speed is written again once, not as each segment comes', () => {
  const rewritten = new Map<string, number>();
  let live: Segment[] = [];
  let now = HOUR + 200 * MINUTE_MS;
  let n = 0;
  const work = (): void => {
    for (let chosen = chooseMerge(live, now, DEFAULT_MERGE_LIMITS); chosen !== undefined; ) {
      n += 1;
      const gone = new Set(chosen);
      const times = Math.max(...chosen.map(({ path }) => rewritten.get(path) ?? 0)) + 1;
      const merged = segment(
        n,
        chosen.reduce((sum, { rows }) => sum + rows, 0),
        now,
      );
      rewritten.set(merged.path, times);
      live = [...live.filter((each) => !gone.has(each)), merged];
      chosen = chooseMerge(live, now, DEFAULT_MERGE_LIMITS);
    }
  };
  for (let commit = 0; commit < 40; commit += 1) {
    n += 1;
    now += 5_000;
    live.push(segment(n, 50_000, now));
    work();
  }
  now += 10 * MINUTE_MS;
  work();
  expect(live.length).toBeLessThan(20);
  expect(Math.max(...live.map(({ path }) => rewritten.get(path) ?? 0))).toBe(1);
});
