import { expect, test } from 'vitest';
import { type Completion, complete, completionAt, matching } from './completion.ts';

/** The completion at the bar in the text. */
function at(text: string): { query: string; found: Completion | undefined } {
  const caret = text.indexOf('|');
  const query = text.replace('|', '');
  return { query, found: completionAt(query, caret) };
}

function choose(text: string, choice: string): string {
  const { query, found } = at(text);
  if (found === undefined) throw new Error(`nothing to complete in ${text}`);
  const done = complete(query, found, choice);
  return `${done.query.slice(0, done.caret)}|${done.query.slice(done.caret)}`;
}

test('a field name is completed with its colon', () => {
  expect(choose('ser|', 'service')).toBe('service:|');
  expect(choose('level:error -rou|', 'route')).toBe('level:error -route:|');
  expect(choose('(serv|', 'service')).toBe('(service:|');
  expect(choose('ser|vic:payments', 'service')).toBe('service:|payments');
  expect(choose('level:error |', 'status')).toBe('level:error status:|');
});

test('a value is completed, quoted where it must be, and the next word can follow', () => {
  expect(choose('service:pay|', 'payments')).toBe('service:payments |');
  expect(choose('route:/p|', '/payments/:id')).toBe('route:"/payments/:id" |');
  expect(choose('route:"/p|', '/payments/:id')).toBe('route:"/payments/:id" |');
  expect(choose('service:pa| level:error', 'payments')).toBe('service:payments |level:error');
});

test('nothing is offered where it would only be in the way', () => {
  for (const text of ['"card de|', 'status:>=5|', 'duration_ms:[500 TO |']) expect(at(text).found).toBeUndefined();
});

test('what begins with the prefix comes before what holds it', () => {
  expect(matching(['trace_id', 'id', 'user.id', 'IDENTITY'], 'id', 10)).toEqual([
    'id',
    'IDENTITY',
    'trace_id',
    'user.id',
  ]);
  expect(matching(['a', 'b', 'c'], '', 2)).toEqual(['a', 'b']);
});
