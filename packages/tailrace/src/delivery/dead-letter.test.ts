import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from './dead-letter.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
const time = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());

test('a letter of any bytes comes back as it was', () => {
  const letters = fc.record(
    {
      id: text,
      sink: text,
      reason: text,
      source: text,
      route: text,
      service: text,
      at: time,
      lastAt: time,
      attempts: fc.nat(),
      rounds: fc.nat(),
      truncated: fc.boolean(),
      edited: fc.record({ at: time, by: text }),
      line: fc
        .oneof(
          fc.uint8Array(),
          text.map((line) => new TextEncoder().encode(line)),
        )
        .map((bytes) => Buffer.from(bytes)),
    },
    { requiredKeys: ['id', 'sink', 'reason', 'source', 'at', 'lastAt', 'attempts', 'rounds', 'truncated', 'line'] },
  );
  fc.assert(
    fc.property(letters, (letter: DeadLetter) => {
      const encoded = encodeDeadLetter(letter);
      expect(encoded).not.toContain('\n');
      expect(decodeDeadLetter(encoded)).toEqual(letter);
    }),
  );
});

test('letters of before are read as what they mean', () => {
  const at = '2026-11-21T09:00:00.000Z';
  const line = '{"event_id":"producer1-3","service":"shop"}';
  expect(decodeDeadLetter(JSON.stringify({ reason: 'no', route: 'r', sink: 's', at, line }))).toEqual({
    id: 'producer1-3',
    sink: 's',
    reason: 'no',
    source: 'spool',
    route: 'r',
    service: 'shop',
    at,
    lastAt: at,
    attempts: 1,
    rounds: 0,
    truncated: false,
    line: Buffer.from(line),
  });
  const ofServer = { id: 'dddddddd-7', at, source: 'http', reason: 'no', line: '{"x', truncated: true };
  expect(decodeDeadLetter(JSON.stringify(ofServer))).toMatchObject({
    ...ofServer,
    line: Buffer.from('{"x'),
    rounds: 0,
  });
});

test('what is no letter, or one of a version to come, is none', () => {
  const at = '2026-11-21T09:00:00.000Z';
  for (const value of ['', '{', '[]', 'null', '{"reason":"x","at":"y"}'])
    expect(decodeDeadLetter(value)).toBeUndefined();
  const later = JSON.stringify({ schema: 'tailrace/dead-letter/v2', id: 'a', at, reason: 'x', line: '{}' });
  expect(decodeDeadLetter(later)).toBeUndefined();
});
