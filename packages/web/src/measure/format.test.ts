import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatMeasure, weightOf } from './format.ts';

test('an exact number is only the number', () => {
  expect(formatMeasure(12_345, 'count', 'en')).toEqual({ value: '12,345', interval: undefined, text: '12,345' });
});

test('an estimated number says that it is one, and how sure', () => {
  const estimate = { value: 1940.4, low: 1802.2, high: 2078.1 };
  expect(formatMeasure(estimate, 'count', 'en').text).toBe('≈ 1,940 (1,802–2,078, 95 %)');
  expect(formatMeasure(estimate, 'count', 'ko').text).toBe('≈ 1,940 (1,802–2,078, 95 %)');
  expect(formatMeasure({ value: 0.0494, low: 0.041, high: 0.0581 }, 'ratio', 'en').text).toBe(
    '≈ 4.94 % (4.1 %–5.81 %, 95 %)',
  );
});

test('an estimate whose interval is a point is still called an estimate', () => {
  expect(formatMeasure({ value: 3, low: 3, high: 3 }, 'count', 'en').text).toBe('≈ 3 (3–3, 95 %)');
});

test('durations keep the figures that matter', () => {
  expect(
    [0, 0.34, 1, 34.26, 340.6, 999.6, 2001, 59_994, 59_999, 72_000, 3_725_000, 90_000_000].map((ms) =>
      formatDuration(ms, 'en'),
    ),
  ).toEqual([
    '0 ms',
    '340 µs',
    '1 ms',
    '34.3 ms',
    '341 ms',
    '1 s',
    '2 s',
    '59.99 s',
    '1 m',
    '1 m 12 s',
    '1 h 2 m',
    '1 d 1 h',
  ]);
});

test('sizes and weights', () => {
  expect([0, 999, 3400, 12_000_000].map((n) => formatBytes(n, 'en'))).toEqual(['0 B', '999 B', '3.4 kB', '12 MB']);
  expect([1, 0.01, 0.3].map((rate) => weightOf(rate, 'en'))).toEqual(['1', '100', '3.3']);
});
