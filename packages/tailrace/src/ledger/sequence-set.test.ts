import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SequenceSet } from './sequence-set.ts';

const sequence = fc.integer({ min: 1, max: 60 });

test('behaves as a set of numbers, whatever the order of arrival', () => {
  const range = fc.tuple(sequence, sequence).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
  fc.assert(
    fc.property(fc.array(fc.oneof(sequence, range)), (steps) => {
      const model = new Set<number>();
      const set = new SequenceSet();
      for (const step of steps) {
        if (typeof step === 'number') {
          expect(set.add(step)).toBe(!model.has(step));
          model.add(step);
        } else {
          set.addRange(...step);
          for (let n = step[0]; n <= step[1]; n += 1) model.add(n);
        }
      }
      expect(set.size).toBe(model.size);
      for (let n = 0; n <= 61; n += 1) expect(set.has(n)).toBe(model.has(n));
      const holes = set.holes(60).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
      expect(holes).toEqual(Array.from({ length: 60 }, (_, i) => i + 1).filter((n) => !model.has(n)));
      expect(new SequenceSet(set.intervals()).intervals()).toEqual(set.intervals());
    }),
  );
});

test('a healthy producer is one interval', () => {
  const set = new SequenceSet();
  for (let n = 1; n <= 100_000; n += 1) set.add(n);
  expect(set.intervals()).toEqual([[1, 100_000]]);
});

test('names an interval that is none', () => {
  expect(() => new SequenceSet([[5, 4]])).toThrow('[5, 4]');
});
