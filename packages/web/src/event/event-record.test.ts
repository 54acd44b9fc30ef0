import { expect, test } from 'vitest';
import { fieldGroups, headlineOf, outcomeOf, stepsOf } from './event-record.ts';

test('an event is an error, slow or normal, whatever is missing', () => {
  expect(outcomeOf({})).toBe('normal');
  expect(outcomeOf({ level: 'error' })).toBe('error');
  expect(outcomeOf({ level: 'warn', 'sampling.rule': 'HAS_ERROR', status: 400 })).toBe('error');
  expect(outcomeOf({ level: 'error', 'sampling.rule': 'SLOW_REQUEST' })).toBe('error');
  expect(outcomeOf({ level: 'info', 'sampling.rule': 'SLOW_REQUEST' })).toBe('slow');
});

test('steps follow each other, also when the store hands them over as text', () => {
  const steps = [
    { name: 'balance', service: 'balance', duration_ms: 20, outcome: 'ok' },
    { name: 'gateway', service: 'gateway', duration_ms: 2001.5, outcome: 'error', code: 'GATEWAY_TIMEOUT' },
  ];
  const told = stepsOf({ steps });
  expect(told.map(({ startMs, failed }) => [startMs, failed])).toEqual([
    [0, false],
    [20, true],
  ]);
  expect(stepsOf({ steps: JSON.stringify(steps) })).toEqual(told);
  for (const odd of [undefined, 'no json', 7, [null, 'x'], { a: 1 }]) expect(stepsOf({ steps: odd })).toEqual([]);
});

test('fields are grouped, and none is lost but those told elsewhere', () => {
  const event = {
    event_id: 'p-1',
    route: '/pay',
    'user.id': 'u1',
    'error.code': 'X',
    'error.stack': 'at …',
    'cart.items': [1],
    'sampling.rule': 'HAS_ERROR',
    steps: [],
    constructor: 'odd',
    missing: null,
  };
  const groups = fieldGroups(event);
  expect(groups.map(({ group }) => group)).toEqual(['request', 'user', 'error', 'attributes', 'sampling', 'identity']);
  expect(groups.flatMap(({ fields }) => fields.map(([key]) => key)).sort()).toEqual([
    'cart.items',
    'constructor',
    'error.code',
    'event_id',
    'route',
    'sampling.rule',
    'user.id',
  ]);
});

test('the headline leads with the error', () => {
  expect(
    headlineOf({ message: 'POST /payments', 'error.code': 'CARD_EXPIRED', 'error.message': 'card has expired' }),
  ).toBe('CARD_EXPIRED · card has expired');
  expect(headlineOf({ message: 'ok' })).toBe('ok');
  expect(headlineOf({})).toBe('');
});
