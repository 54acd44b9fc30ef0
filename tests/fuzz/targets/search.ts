import { matchesSearch } from '../../../packages/server/src/query/match.ts';
import { QueryError } from '../../../packages/server/src/query/query-error.ts';
import { parseSearch } from '../../../packages/server/src/query/search.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const EVENT = {
  event_id: 'a-1',
  message: 'card declined at gateway',
  status: 500,
  service: 'pay',
  'user.id': 'u1',
  tags: ['a'],
};
const NOW = Date.UTC(2026, 10, 21);

/** The search bar's text: read, or refused with a place inside it; what is negated matches the other half. */
export const search: FuzzTarget = {
  name: 'search',
  inputs: bytesLike(
    [
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
      ' TO ',
      ' OR ',
      ' AND ',
      'NOT ',
      '>=',
      '<',
      'status',
      'user.id',
      '500',
      '-15m',
      '카드',
    ],
    [
      'service:pay AND (status:[500 TO 599] OR NOT error.code:*)',
      '-message:"card declined" timestamp:>-15m',
      'a\\:b:c* {1 TO 2}',
    ],
  ),
  check(input) {
    const text = input.toString();
    const node = read(text);
    if (node === undefined) return;
    const isMatch = matchesSearch(node, EVENT);
    holds(matchesSearch({ kind: 'not', node }, EVENT) === !isMatch, 'the negation of a search matches the other half');
    const again = read(`  ${text}`);
    holds(withoutPlaces(again) === withoutPlaces(node), 'blanks before a search mean nothing');
  },
  growing: [
    (size) => Buffer.from('('.repeat(size)),
    (size) => Buffer.from('a:*'.repeat(size / 3)),
    (size) => Buffer.from(`"${'\\'.repeat(size)}`),
    (size) => Buffer.from('NOT '.repeat(size / 4)),
  ],
};

function read(text: string) {
  try {
    return parseSearch(text, NOW);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { position = 0 } = error;
    holds(position >= 0 && position <= text.length, `a fault at ${position} of ${text.length}`);
    return undefined;
  }
}

function withoutPlaces(node: unknown): string {
  return JSON.stringify(node, (key, value: unknown) => (key === 'position' ? undefined : value)) ?? '';
}
