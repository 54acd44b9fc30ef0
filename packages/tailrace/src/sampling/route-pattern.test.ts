import { describe, expect, it } from 'vitest';
import { parseKeepSignal } from './keep-signal.ts';
import { parseRoutePattern } from './route-pattern.ts';

describe('a route pattern', () => {
  it.each([
    ['/payments', 'POST', '/payments', true],
    ['/payments', undefined, 'POST /payments', true],
    ['/payments', 'GET', '/payments/', true],
    ['/payments', 'GET', '/payments/1', false],
    ['POST /payments', 'POST', '/payments', true],
    ['POST /payments', undefined, 'POST /payments', true],
    ['POST /payments', 'GET', '/payments', false],
    ['POST /payments', undefined, '/payments', false],
    ['GET|POST /cart', 'POST', '/cart', true],
    ['/payments/:id', 'GET', '/payments/:paymentId', true],
    ['/payments/:id', 'GET', '/payments/{id}', true],
    ['/payments/:id', 'GET', '/payments/42', true],
    ['/payments/:id', 'GET', '/payments/42/items', false],
    ['/payments/*', 'GET', '/payments', false],
    ['/payments/**', 'GET', '/payments', true],
    ['/payments/**', 'GET', '/payments/1/items/2', true],
    ['/**/admin', 'GET', '/a/b/admin', true],
    ['/**/admin', 'GET', '/a/b/admins', false],
    ['/pay*', 'GET', '/payments', true],
    ['/pay*ts', 'GET', '/payment', false],
    ['**', 'GET', '/', true],
    ['/Payments', 'GET', '/payments', true],
  ])('%s against %s %s: %s', (pattern, method, route, expected) => {
    expect(parseRoutePattern(pattern)?.matches(method, route)).toBe(expected);
  });

  it.each(['payments', '', 'POST', 'POST payments', '/a b'])('is refused where it can not be one: %j', (text) => {
    expect(parseRoutePattern(text)).toBeUndefined();
  });

  it('does not lose itself in a hostile path', () => {
    const pattern = parseRoutePattern(`/${'**/a*b*c/'.repeat(20)}end`);
    expect(pattern?.matches('GET', `/${'aabbcc/'.repeat(2_000)}`)).toBe(false);
  });
});

describe('a keep signal', () => {
  it.each([
    '',
    'HAS_ERROR',
    'HAS_ERROR;rate=0',
    'HAS_ERROR;rate=2',
    'HAS_ERROR;rate=-1',
    'a b;rate=1',
    'X;rate=1;more',
  ])('is not given where it is broken: %j', (header) => {
    expect(parseKeepSignal(header)).toBeUndefined();
  });

  it.each([
    ['HAS_ERROR;rate=1', 1],
    ['MY.rule-2;rate=0.25', 0.25],
    ['X;rate=1e-7', 1e-7],
  ])('%s', (header, rate) => {
    expect(parseKeepSignal(header)?.rate).toBe(rate);
  });
});
