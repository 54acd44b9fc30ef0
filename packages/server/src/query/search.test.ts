import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesSearch } from './match.ts';
import { QueryError } from './query-error.ts';
import { parseSearch } from './search.ts';

const event = {
  event_id: '0mb1x9k3fqz7a-7',
  timestamp: '2026-11-21T09:32:00.000Z',
  level: 'error',
  message: 'Card declined: 카드 한도 초과',
  service: 'payments',
  route: '/payments/:id',
  status: 502,
  duration_ms: 2001.5,
  'error.code': 'GATEWAY_TIMEOUT',
  'sampling.rate': 1,
  'payment.amount': 129000,
  'payment.retry': true,
  'order.id': '4711',
  tags: ['vip', 'korea', 3],
  'with space': 'x y',
  nothing: null,
};

const finds = (search: string): boolean => matchesSearch(parseSearch(search), event);

describe('a search', () => {
  it.each([
    '',
    '   ',
    '*',
    'service:payments',
    'service: payments',
    'service:pay*',
    'service:*ments',
    'service:p*m*s',
    'service:"payments"',
    'status:502',
    'status:>=500',
    'status:>= 500',
    'status:5*',
    'status:[500 TO 599]',
    'status:{501 TO 503}',
    'status:[500 TO *]',
    'duration_ms:[500 TO *]',
    'duration_ms:{* TO 2001.5]',
    'route:/payments/:id',
    'error.code:GATEWAY_*',
    'error.code:*',
    '_exists_:error.code',
    '"card declined"',
    'CARD',
    '한도',
    'card*초과',
    'vip',
    '129000',
    'payment.amount:129000',
    'payment.amount:1.29e5',
    'payment.amount:>1000',
    'payment.retry:true',
    'order.id:4711',
    'order.id:"4711"',
    'tags:vip',
    'tags:3',
    'tags:ko*',
    '"with space":"x y"',
    'timestamp:>2026-11-21T09:00:00Z',
    'timestamp:[2026-11-21 TO 2026-11-22}',
    '-route:/health',
    'NOT route:/health',
    '- route:/health OR service:payments',
    '(service:a OR service:payments) AND status:502',
    'service:(a OR payments)',
    'service:(a payments)',
    'service:(a) OR status:502',
    'service:a OR level:error -level:info',
    '!service:a +status:502',
    '-(service:a OR status:200)',
  ])('finds the event with %s', (search) => {
    expect(finds(search)).toBe(true);
  });

  it.each([
    'service:payment',
    'service:PAYMENTS',
    'service:(a b)',
    'status:500',
    'status:>502',
    'status:{502 TO 600]',
    'duration_ms:<2001.5',
    'nothing:*',
    'absent:*',
    'payment.amount:"x"',
    'payment.retry:yes',
    'order.id:>4000',
    'order.id:04711',
    'tags:vi',
    'card refused',
    'declined*card',
    '-service:payments',
    'service:payments NOT status:502',
    'with:x',
    '"declined card"',
  ])('does not find it with %s', (search) => {
    expect(finds(search)).toBe(false);
  });

  it('reads and as stronger than or, and not as strongest', () => {
    expect(parseSearch('a:1 b:2 OR NOT c:3 d:4')).toMatchObject({
      kind: 'or',
      nodes: [
        { kind: 'and', nodes: [{ field: 'a' }, { field: 'b' }] },
        { kind: 'and', nodes: [{ kind: 'not', node: { field: 'c' } }, { field: 'd' }] },
      ],
    });
  });

  it('takes what looks like a field in an address or a time as text', () => {
    expect(parseSearch('http://pay.example/a?b=c')).toMatchObject({
      kind: 'text',
      pieces: ['http://pay.example/a?b=c'],
    });
    expect(parseSearch('09:32')).toMatchObject({ kind: 'text', pieces: ['09:32'] });
    expect(parseSearch('a\\:b')).toMatchObject({ kind: 'text', pieces: ['a:b'] });
    expect(parseSearch('x:a\\*b')).toMatchObject({ kind: 'equals', text: 'a*b' });
  });

  it.each([
    ['service:', 8, 'SEARCH_SYNTAX'],
    ['a (b c', 2, 'SEARCH_SYNTAX'],
    ['a b)', 3, 'SEARCH_SYNTAX'],
    ['()', 0, 'SEARCH_SYNTAX'],
    ['a OR', 4, 'SEARCH_SYNTAX'],
    ['OR a', 0, 'SEARCH_SYNTAX'],
    ['a AND OR b', 6, 'SEARCH_SYNTAX'],
    ['x "abc', 2, 'SEARCH_SYNTAX'],
    ['status:abc', 7, 'NOT_A_NUMBER'],
    ['status:>=abc', 9, 'NOT_A_NUMBER'],
    ['status:[1 TO x]', 13, 'NOT_A_NUMBER'],
    ['status:[1 5]', 10, 'SEARCH_SYNTAX'],
    ['status:[1 TO 5', 7, 'SEARCH_SYNTAX'],
    ['duration_ms:5*', 12, 'FIELD_TYPE'],
    ['timestamp:yesterday', 10, 'NOT_A_TIME'],
    ['steps:gateway', 6, 'FIELD_TYPE'],
    ['x:[a* TO b]', 3, 'SEARCH_SYNTAX'],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, 41, 'SEARCH_TOO_DEEP'],
    ['a '.repeat(300), 512, 'SEARCH_TOO_LONG'],
    ['a'.repeat(9_000), 8_192, 'SEARCH_TOO_LONG'],
  ])('points at the fault in %s', (search, position, code) => {
    let caught: unknown;
    try {
      parseSearch(search);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(QueryError);
    expect(caught).toMatchObject({ code, position });
  });

  it('either reads any text, or says where it is wrong', () => {
    const token = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '"',
      ':',
      '*',
      '-',
      '\\',
      ' ',
      'TO',
      'OR',
      'AND',
      'NOT',
      '>=',
      'a',
      'status',
      '5',
      '카',
    );
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.array(token, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (search) => {
        try {
          matchesSearch(parseSearch(search), event);
        } catch (error) {
          if (!(error instanceof QueryError)) throw error;
          expect(error.position).toBeGreaterThanOrEqual(0);
          expect(error.position).toBeLessThanOrEqual(search.length);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
