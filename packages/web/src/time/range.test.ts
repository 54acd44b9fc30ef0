import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkedRange,
  DEFAULT_RANGE,
  fromLocalInput,
  PRESETS,
  presetOf,
  presetRange,
  resolveRange,
  resolveTime,
  toLocalInput,
  zoomOut,
} from './range.ts';

const NOW = Date.UTC(2026, 10, 21, 9, 32);

test('reads the times that a plan may hold', () => {
  expect(resolveTime('now', NOW)).toBe(NOW);
  expect(resolveTime('-15m', NOW)).toBe(NOW - 900_000);
  expect(resolveTime('now-1h', NOW)).toBe(NOW - 3_600_000);
  expect(resolveTime('-2w', NOW)).toBe(NOW - 14 * 86_400_000);
  expect(resolveTime('2026-11-21T09:00:00Z', NOW)).toBe(Date.UTC(2026, 10, 21, 9));
  expect(resolveTime('2026-11-21T18:00+09:00', NOW)).toBe(Date.UTC(2026, 10, 21, 9));
});

test('refuses what is no time, and falls back to the last quarter of an hour', () => {
  for (const text of ['', 'yesterday', '15m', '-15y', '21/11/2026', '2026-13-41']) {
    expect(resolveTime(text, NOW)).toBeUndefined();
    expect(checkedRange({ from: text, to: 'now' }, NOW)).toEqual(DEFAULT_RANGE);
  }
  expect(checkedRange({ from: 'now', to: '-1h' }, NOW)).toEqual(DEFAULT_RANGE);
});

test('every preset is found again, and resolves to its width', () => {
  for (const preset of PRESETS) expect(presetOf(presetRange(preset))).toBe(preset);
  expect(resolveRange(presetRange('6h'), NOW)).toEqual({ fromMs: NOW - 6 * 3_600_000, toMs: NOW });
  expect(presetOf({ from: '-17m', to: 'now' })).toBeUndefined();
});

test('zooming out doubles the range and stays out of the future', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), (width, age) => {
      const range = { fromMs: NOW - age - width, toMs: NOW - age };
      const wider = resolveRange(zoomOut(range, NOW), NOW);
      expect(Math.abs(wider.toMs - wider.fromMs - 2 * width)).toBeLessThanOrEqual(1);
      expect(wider.toMs).toBeLessThanOrEqual(NOW);
      expect(wider.fromMs).toBeLessThanOrEqual(range.fromMs);
    }),
  );
});

test('a local input holds the same second again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
      // The hour that a zone repeats in autumn has no single reading; UTC days in the middle of a month are safe.
      const ms = Date.UTC(2026, seconds % 12, 15, 12) + (seconds % 3600) * 1000;
      expect(fromLocalInput(toLocalInput(ms))).toBe(ms);
    }),
  );
  expect(fromLocalInput('soon')).toBeUndefined();
});

test('zooming out keeps the middle where the future does not forbid it', () => {
  const range = { fromMs: NOW - 3_600_000, toMs: NOW - 3_000_000 };
  expect(resolveRange(zoomOut(range, NOW), NOW)).toEqual({ fromMs: NOW - 3_900_000, toMs: NOW - 2_700_000 });
});
