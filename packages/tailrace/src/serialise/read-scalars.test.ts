import { expect, it } from 'vitest';
import { readScalars } from './read-scalars.ts';

it('gives the fields of a small object, as they are at this moment', () => {
  expect(readScalars({ id: 'u1', role: undefined, age: null, ok: true })).toEqual([
    ['id', 'u1'],
    ['age', null],
    ['ok', true],
  ]);
  expect(readScalars(Object.freeze({}))).toBeUndefined();
  expect(readScalars({ nested: {} })).toBeUndefined();
});

it('leaves a large object before it has read more than a few of its values', () => {
  let reads = 0;
  const large = {};
  for (let i = 0; i < 5_000; i += 1) {
    Object.defineProperty(large, `field${i}`, { enumerable: true, get: () => (reads += 1) });
  }
  expect(readScalars(large)).toBeUndefined();
  expect(reads).toBeLessThanOrEqual(64);
});

it('takes own fields only, and survives what throws', () => {
  expect(readScalars(Object.create({ inherited: 1 }))).toBeUndefined();
  const broken = Object.defineProperty({}, 'broken', {
    enumerable: true,
    get: () => {
      throw new Error('no');
    },
  });
  expect(readScalars(broken)).toBeUndefined();
});
