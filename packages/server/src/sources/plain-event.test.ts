import fc from 'fast-check';
import { EVENT_SCHEMA } from 'tailrace/event';
import { createRedactor } from 'tailrace/redaction';
import { expect, test } from 'vitest';
import { lineOf, rowOf } from '../store/event-row.ts';
import { checkEvent } from './event-line.ts';
import { createPlainReader } from './plain-event.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const redactor = createRedactor();
const readPlain = createPlainReader(redactor);

const plain = {
  schema: EVENT_SCHEMA,
  event_id: '0mb1x9k3fqz7a-42',
  timestamp: '2026-11-21T09:31:59.123Z',
  level: 'info',
  service: 'payments',
  'sampling.rule': 'UNSAMPLED',
  'sampling.rate': 1,
};

test('a plain event goes the short way, its known fields first', () => {
  const event = {
    ...plain,
    zone: 'a',
    status: 200,
    steps: [{ name: 'charge', duration_ms: 3, outcome: 'ok' }],
    cart: null,
  };
  const read = readPlain(event, NOW);
  expect(read).toMatchObject({
    identity: { producer: '0mb1x9k3fqz7a', sequence: 42 },
    timestampMs: Date.parse(plain.timestamp),
    row: { attributes: '{"zone":"a","cart":null}', isSampled: false },
  });
  expect(read && lineOf(read.row)).toMatch(
    /^\{"schema":"tailrace\/event\/v1","event_id":"0mb1x9k3fqz7a-42","timestamp":/,
  );
  expect(read && JSON.parse(lineOf(read.row))).toEqual(event);
});

const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
  ['a nested object', { user: { id: 'u1' } }],
  ['an object in an object in an array', { items: [{ a: { password: 'x' } }] }],
  ['a wrong type in a known field', { status: '200' }],
  ['nothing in a known field', { route: null }],
  ['another schema', { schema: 'other' }],
  ['no identity', { event_id: undefined }],
  ['an identity of another form', { event_id: 'abc' }],
  ['a time of another form', { timestamp: '2026-11-21T10:31:59+01:00' }],
  ['a day that is not', { timestamp: '2026-02-30T10:31:59.000Z' }],
  ['a clock that is far off', { timestamp: '2036-11-21T09:31:59.123Z' }],
  ['a level in capitals', { level: 'INFO' }],
  ['no service', { service: '' }],
  ['a rate above 1', { 'sampling.rate': 2 }],
  ['an empty key', { '': 1 }],
  ['a key that is too long', { ['k'.repeat(257)]: 1 }],
  ['a secret under its name', { password: 'hunter2' }],
  ['a secret in a value', { note: 'mail ann@example.com' }],
  ['a secret in a number', { ref: 4111111111111111 }],
  ['a secret in a key', { 'ann@example.com': 1 }],
  ['a secret in a step', { steps: [{ name: 'mail ann@example.com', duration_ms: 1, outcome: 'ok' }] }],
  ['a secret under its name in an item', { items: [{ password: 'hunter2' }] }],
  ['a secret deep in an array', { items: [[{ note: 'mail ann@example.com' }]] }],
];

test.each(wrong)('%s goes the long way', (_, fields) => {
  expect(readPlain(JSON.parse(JSON.stringify({ ...plain, ...fields })), NOW)).toBeUndefined();
});

test('a value that was clean under one key is looked at under another', () => {
  const event = { ...plain, note: 'value-one' };
  expect(readPlain(event, NOW)).toBeDefined();
  expect(readPlain({ ...plain, api_key: 'value-one' }, NOW)).toBeUndefined();
});

test('whatever goes the short way comes to the same event as on the long way', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.constantFrom('ann@example.com', '4111 1111 1111 1111', 'Bearer abcdefghijklmnop1234', 'ok', '\ud800', '"\\'),
  );
  const scalar = fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null));
  const value = fc.oneof(
    { weight: 6, arbitrary: scalar },
    fc.array(fc.dictionary(text, scalar, { maxKeys: 3 }), { maxLength: 3 }),
    fc.array(scalar, { maxLength: 3 }),
  );
  const key = fc.oneof(
    text,
    fc.constantFrom('route', 'status', 'message', 'token', 'user.id', 'zone', '0', '__proto__'),
  );
  let short = 0;
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 5 }), (fields) => {
      const event = JSON.parse(JSON.stringify({ ...fields, ...plain }));
      const read = readPlain(event, NOW);
      if (read === undefined) return;
      short += 1;
      const checked = checkEvent(event, NOW);
      if (checked.kind === 'refused') throw new Error(checked.reason);
      const { known, attributes } = rowOf(redactor.redactEvent(checked.fields));
      expect({ known: read.row.known, attributes: read.row.attributes }).toEqual({ known, attributes });
      expect(read.identity).toEqual(checked.identity);
      expect(read.timestampMs).toBe(checked.timestampMs);
    }),
    { numRuns: 2000 },
  );
  expect(short).toBeGreaterThan(100);
});
