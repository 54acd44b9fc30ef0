import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LossCount } from './ledger-line.ts';
import { mergeLosses } from './losses.ts';
import { SequenceSet } from './sequence-set.ts';

const loss = fc
  .record({ numbers: fc.uniqueArray(fc.integer({ min: 1, max: 60 })), unnamed: fc.integer({ min: 0, max: 5 }) })
  .map(({ numbers, unnamed }): LossCount => {
    const set = new SequenceSet();
    for (const number of numbers) set.add(number);
    return { count: set.size + unnamed, sequences: set.intervals() };
  });
const losses = fc.dictionary(fc.constantFrom('a', 'b', 'c'), loss);

test('merging loses nothing of either side, and doing it again changes nothing', () => {
  fc.assert(
    fc.property(losses, losses, (a, b) => {
      const merged = mergeLosses(a, b);
      expect(mergeLosses(b, a)).toEqual(merged);
      expect(mergeLosses(merged, b)).toEqual(merged);
      for (const side of [a, b]) {
        for (const [name, { count, sequences }] of Object.entries(side)) {
          expect(merged[name]?.count).toBeGreaterThanOrEqual(count);
          const set = new SequenceSet(merged[name]?.sequences);
          for (const [from, to] of sequences) for (let n = from; n <= to; n += 1) expect(set.has(n)).toBe(true);
        }
      }
    }),
  );
});
