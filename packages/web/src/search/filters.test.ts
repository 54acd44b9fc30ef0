import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteValue, readClauses } from './clauses.ts';
import {
  addClause,
  excludeFilter,
  filterState,
  filtersOf,
  includeFilter,
  removeFilter,
  withoutField,
} from './filters.ts';

test('a filter is added, widened and taken away again', () => {
  const one = includeFilter('status:>=500 "card declined"', 'service', 'payments');
  expect(one).toBe('status:>=500 "card declined" service:payments');
  const two = includeFilter(one, 'service', 'order confirmation');
  expect(two).toBe('status:>=500 "card declined" service:(payments OR "order confirmation")');
  expect(filtersOf(two, 'service').map(({ value }) => value)).toEqual(['payments', 'order confirmation']);
  expect(removeFilter(two, 'service', 'payments')).toBe('status:>=500 "card declined" service:"order confirmation"');
  expect(removeFilter(one, 'service', 'payments')).toBe('status:>=500 "card declined"');
});

test('excluding turns an included filter round, and back', () => {
  const excluded = excludeFilter('service:payments level:error', 'service', 'payments');
  expect(excluded).toBe('level:error -service:payments');
  expect(filterState(excluded, 'service', 'payments')).toBe('excluded');
  expect(includeFilter(excluded, 'service', 'payments')).toBe('level:error service:payments');
});

test('a route is quoted, since a colon and a slash mean something in a search', () => {
  expect(includeFilter('', 'route', '/payments/:id')).toBe('route:"/payments/:id"');
  expect(filterState('-route:/health', 'route', '/health')).toBe('excluded');
});

test('an OR at the outermost level is put in parentheses, and not reached into', () => {
  const query = 'level:error OR service:payments';
  expect(includeFilter(query, 'service', 'gateway')).toBe('(level:error OR service:payments) service:gateway');
  expect(filterState(query, 'service', 'payments')).toBeUndefined();
  expect(removeFilter(query, 'service', 'payments')).toBe(query);
});

test('NOT and AND go with the clause that they belong to', () => {
  expect(filterState('a AND NOT service:x', 'service', 'x')).toBe('excluded');
  expect(removeFilter('a AND NOT service:x', 'service', 'x')).toBe('a');
  expect(removeFilter('service:x AND level:error', 'service', 'x')).toBe('level:error');
  expect(removeFilter('a AND service:x AND b', 'service', 'x')).toBe('a AND b');
});

test('what is no plain filter is carried along unchanged', () => {
  const query = 'duration_ms:[500 TO *] error.code:GATEWAY_* status:>=500 (a OR b) "open';
  expect(filtersOf(query, 'status')).toEqual([]);
  expect(filtersOf(query, 'error.code')).toEqual([]);
  expect(withoutField(query, 'status')).toBe(query);
  expect(readClauses(query).map(({ text }) => text)).toEqual([
    'duration_ms:[500 TO *]',
    'error.code:GATEWAY_*',
    'status:>=500',
    '(a OR b)',
    '"open',
  ]);
});

test('a facet can be asked for without its own filter', () => {
  expect(withoutField('service:(a OR b) -service:c level:error', 'service')).toBe('-service:c level:error');
});

const field = fc.constantFrom('service', 'route', 'error.code');
const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const queries = fc.array(
  fc.constantFrom('level:error', '"card declined"', 'status:>=500', 'timeout', '-topic:dsp', 'service:x'),
  { maxLength: 4 },
);

test('an included value is found as included, and removing it brings the search back', () => {
  fc.assert(
    fc.property(queries, field, value, (words, name, text) => {
      const query = [...new Set(words)].join(' ');
      fc.pre(filterState(query, name, text) === undefined);
      const added = includeFilter(query, name, text);
      expect(filterState(added, name, text)).toBe('included');
      expect(removeFilter(added, name, text)).toBe(query);
      const excluded = excludeFilter(added, name, text);
      expect(filterState(excluded, name, text)).toBe('excluded');
      expect(removeFilter(excluded, name, text)).toBe(query);
    }),
  );
});

test('reading never throws, and every clause is where it says', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (query) => {
      for (const clause of readClauses(query)) expect(query.slice(clause.start, clause.end)).toBe(clause.text);
      expect(addClause(query, 'a:b').endsWith('a:b')).toBe(true);
    }),
  );
});

test('quoting is undone by reading', () => {
  fc.assert(
    fc.property(value, (text) => {
      expect(readClauses(`f:${quoteValue(text)}`)[0]?.values).toEqual([text]);
    }),
  );
});

test('of several excluded values one is let in again, and the others stay out', () => {
  expect(removeFilter('NOT service:(a OR b OR c) x', 'service', 'b')).toBe('-service:(a OR c) x');
  expect(removeFilter('-service:(a OR c)', 'service', 'a')).toBe('-service:c');
});
