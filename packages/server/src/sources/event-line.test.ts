import fc from 'fast-check';
import { EVENT_FIELDS } from 'tailrace/event';
import { expect, test } from 'vitest';
import { checkEvent } from './event-line.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const FULL = {
  schema: 'tailrace/event/v1',
  event_id: '0mb1x9k3fqz7a-42',
  timestamp: '2026-11-21T09:31:59.000Z',
  level: 'warn',
  service: 'payments',
  route: '/pay/:id',
  status: 402,
  duration_ms: 17.5,
  steps: [{ name: 'gateway', duration_ms: 12, outcome: 'error' }],
  'sampling.rule': 'HAS_ERROR',
  'sampling.rate': 1,
  'cart.items': [1, 2],
};

function fieldsOf(input: unknown): Record<string, unknown> {
  const checked = checkEvent(input, NOW);
  if (checked.kind === 'refused') throw new Error(checked.reason);
  return checked.fields;
}

function refusalOf(input: unknown): string {
  const checked = checkEvent(input, NOW);
  return checked.kind === 'refused' ? checked.reason : '';
}

test('an event that is as it should be is let through untouched', () => {
  const checked = checkEvent(FULL, NOW);
  expect(checked).toEqual({
    kind: 'event',
    fields: FULL,
    identity: { producer: '0mb1x9k3fqz7a', sequence: 42 },
    timestampMs: NOW - 1000,
  });
  expect(JSON.stringify(fieldsOf(FULL))).toBe(JSON.stringify(FULL));
});

test('what is missing is filled in', () => {
  expect(fieldsOf({ message: 'hello' })).toEqual({
    schema: 'tailrace/event/v1',
    timestamp: '2026-11-21T09:32:00.000Z',
    level: 'info',
    service: 'unknown_service',
    'sampling.rule': 'UNSAMPLED',
    'sampling.rate': 1,
    message: 'hello',
  });
});

test('nested objects become dotted keys, and a nested key never hides a dotted one', () => {
  const fields = fieldsOf({ service: { name: 'shop' }, user: { id: 7, address: { city: 'Seoul' } }, 'user.id': 'u1' });
  expect(fields).toMatchObject({
    service: 'shop',
    'service.name': 'shop',
    'user.id': 'u1',
    'user.address.city': 'Seoul',
  });
});

test('a wrong type is put right where the meaning is clear', () => {
  const fields = fieldsOf({
    status: '500',
    duration_ms: ' 12.5 ',
    message: 42,
    'user.id': 7,
    level: 'WARNING',
    route: null,
  });
  expect(fields).toMatchObject({ status: 500, duration_ms: 12.5, message: '42', 'user.id': '7', level: 'warn' });
  expect(fields).not.toHaveProperty('route');
});

test.each([
  [{ status: 'broken' }, 'status is "broken", and must be a whole number'],
  [{ status: 1.5 }, 'status is 1.5, and must be a whole number'],
  [{ message: ['a'] }, 'message is an array, and must be a string'],
  [{ level: 'loud' }, 'level is "loud", and must be one of trace'],
  [{ schema: 'tailrace/event/v9' }, 'schema is "tailrace/event/v9", and must be "tailrace/event/v1"'],
  [{ event_id: '7' }, 'event_id is "7", and must be <producer>-<sequence>'],
  [{ event_id: '0mb1x9k3fqz7a-0' }, 'event_id is'],
  [{ 'sampling.rate': 0 }, 'sampling.rate is 0, and must be above 0 and at most 1'],
  [{ 'sampling.rate': 1.01 }, 'sampling.rate is 1.01'],
  [{ timestamp: 'yesterday' }, 'timestamp is "yesterday", and must be RFC 3339'],
  [{ '': 1 }, 'has an empty key'],
  [{ a: { '': 1 } }, 'has an empty key below a.'],
  [{ ['k'.repeat(300)]: 1 }, 'has a key of 300 characters'],
  [Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i])), 'has more than 1024 keys'],
  [nest(100), 'is nested deeper than 16 levels'],
  [{ list: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) }, 'is nested deeper than 16 levels at list'],
  [[1], 'is an array, and must be a JSON object'],
  [null, 'is null, and must be a JSON object'],
  ['text', 'is "text", and must be a JSON object'],
])('%j is refused by name', (input, reason) => {
  expect(refusalOf(input)).toContain(reason);
});

test.each([
  ['2026-11-21T18:31:59+09:00', '2026-11-21T09:31:59.000Z'],
  ['2026-11-21 09:31:59,123456', '2026-11-21T09:31:59.123Z'],
  [1_795_253_519, '2026-11-21T09:31:59.000Z'],
  [1_795_253_519_123, '2026-11-21T09:31:59.123Z'],
  ['1795253519123000000', '2026-11-21T09:31:59.123Z'],
])('the time %s is understood', (timestamp, expected) => {
  expect(fieldsOf({ timestamp }).timestamp).toBe(expected);
});

test.each(['1999-12-31T23:59:59.999Z', '2036-11-21T00:00:00.000Z'])(
  'a clock that says %s is told, and not believed',
  (timestamp) => {
    expect(fieldsOf({ timestamp })).toMatchObject({
      timestamp: '2026-11-21T09:32:00.000Z',
      'tailrace.original_timestamp': timestamp,
      'tailrace.clock_skew': true,
    });
  },
);

test('no key reaches a prototype', () => {
  const input: unknown = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":{"polluted":1}}}',
  );
  const fields = fieldsOf(input);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(Object.keys(fields)).toEqual(
    expect.arrayContaining(['proto.polluted', 'constructor.prototype.polluted', 'a.proto.polluted']),
  );
  expect(Object.keys(fields)).not.toContain('__proto__');
});

test('whatever comes in, what goes out is flat, has its types, and passes again unchanged', () => {
  const key = fc.oneof(fc.constantFrom(...Object.keys(EVENT_FIELDS), '__proto__', 'a', 'b.c'), fc.string());
  const event = fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true });
  fc.assert(
    fc.property(event, (input) => {
      const first = checkEvent(input, NOW);
      if (first.kind === 'refused') return;
      const line = JSON.stringify(first.fields);
      const again = checkEvent(JSON.parse(line), NOW);
      expect(again.kind === 'event' && JSON.stringify(again.fields)).toBe(line);
      for (const value of Object.values(first.fields)) {
        expect(typeof value === 'object' && value !== null && !Array.isArray(value)).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});

function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = { a: value };
  return value;
}
