import fc from 'fast-check';
import { expect, test } from 'vitest';
import { excerptFault } from './fault.ts';

test('points at the character that is wrong', () => {
  expect(excerptFault('service:payments status:>=', 26)).toEqual({
    before: 'service:payments status:>=',
    at: ' ',
    after: '',
  });
  expect(excerptFault('a ) b', 2)).toEqual({ before: 'a ', at: ')', after: ' b' });
});

test('long searches are cut around the place', () => {
  const { before, at, after } = excerptFault(`${'a'.repeat(100)}!${'b'.repeat(100)}`, 100, 10);
  expect([before, at, after]).toEqual([`…${'a'.repeat(10)}`, '!', `${'b'.repeat(10)}…`]);
});

test('with room enough the three parts are the search, wherever the server points', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.integer({ min: -5, max: 60 }), (query, position) => {
      const { before, at, after } = excerptFault(query, position, 1000);
      expect((before + at + after).trimEnd()).toBe(query.trimEnd());
      expect(at.length).toBeGreaterThan(0);
    }),
  );
});
