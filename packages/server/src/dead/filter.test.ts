import { expect, test } from 'vitest';
import { causeOf } from './filter.ts';

test('reasons that differ only in values and numbers are one cause', () => {
  const causes = [
    ['status is "fine", and must be a whole number', 'status is "\\"x\\" 7", and must be a whole number'],
    ['has 1048577 bytes; at most 1048576 are accepted', 'has 9.5 bytes; at most 1,048,576 are accepted'],
    ['is not JSON: unexpected character at position 7', 'is not JSON: unexpected character at position 70'],
    [
      'timestamp is "a", and must be RFC 3339 (2026-11-21T09:32:00.000Z)',
      'timestamp is "b", and must be RFC 3339 (2026-11-21T09:32:00.000Z)',
    ],
  ].map((reasons) => [...new Set(reasons.map(causeOf))]);
  expect(causes).toEqual([
    ['status is "…", and must be a whole number'],
    ['has # bytes; at most # are accepted'],
    ['is not JSON: unexpected character at position #'],
    ['timestamp is "…", and must be RFC 3339 (2026-11-21T09:32:00.000Z)'],
  ]);
});
