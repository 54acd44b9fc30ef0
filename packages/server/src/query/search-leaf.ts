/** The values of a search, read by the type of their field: text, numbers or times. */
import { QueryError } from './query-error.ts';
import { type Bound, knownFieldType, type Range, type SearchLeaf } from './search-node.ts';
import { parseTime } from './time.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A word or a quoted string: its literal pieces, cut at each wildcard. */
export interface Word {
  readonly pieces: readonly string[];
  readonly quoted: boolean;
  readonly position: number;
}

export function valueLeaf(field: string, word: Word, position: number, nowMs: number): SearchLeaf {
  const wild = word.pieces.length > 1;
  if (wild && word.pieces.every((piece) => piece === '')) return { kind: 'exists', field, position };
  const type = knownFieldType(field);
  if (type === 'json') throw holdsJson(field, word.position);
  if (wild) {
    if (type === 'number' || type === 'timestamp') {
      const hint = `write a range, such as ${field}:[${type === 'number' ? '100 TO 200' : '2026-11-21 TO now'}]`;
      throw new QueryError(
        'FIELD_TYPE',
        `${field} holds ${type === 'number' ? 'numbers' : 'times'}; * can't be used in it`,
        word.position,
        hint,
      );
    }
    return { kind: 'like', field, pieces: word.pieces, position };
  }
  const text = word.pieces[0] ?? '';
  if (type === 'timestamp') {
    const end = { value: timeOf(field, word, nowMs), inclusive: true };
    return { kind: 'times', field, low: end, high: end, position };
  }
  const number = type === 'number' || type === 'integer' ? numberOf(field, word) : readNumber(text);
  return { kind: 'equals', field, text, number, position };
}

export function rangeLeaf(field: string, range: Range<Word>, position: number, nowMs: number): SearchLeaf {
  const type = knownFieldType(field);
  const bounds = [range.low?.value, range.high?.value].filter((word) => word !== undefined);
  if (bounds.length === 0) return { kind: 'exists', field, position };
  if (type === 'json') throw holdsJson(field, position);
  for (const word of bounds) {
    if (word.pieces.length > 1) {
      throw new QueryError(
        'SEARCH_SYNTAX',
        "a bound of a range can't hold *",
        word.position,
        'use * alone for an open end',
      );
    }
  }
  if (type === 'timestamp')
    return { kind: 'times', field, position, ...mapRange(range, (word) => timeOf(field, word, nowMs)) };
  if (type === 'number' || type === 'integer') {
    return { kind: 'numbers', field, position, ...mapRange(range, (word) => numberOf(field, word)) };
  }
  const areNumbers = bounds.every((word) => !word.quoted && readNumber(word.pieces[0] ?? '') !== undefined);
  if (type === undefined && areNumbers) {
    return { kind: 'numbers', field, position, ...mapRange(range, (word) => numberOf(field, word)) };
  }
  return { kind: 'texts', field, position, ...mapRange(range, (word) => word.pieces[0] ?? '') };
}

function mapRange<A, B>(range: Range<A>, map: (value: A) => B): Range<B> {
  const bound = (end: Bound<A> | undefined) => end && { value: map(end.value), inclusive: end.inclusive };
  return { low: bound(range.low), high: bound(range.high) };
}

function readNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function numberOf(field: string, word: Word): number {
  const text = word.pieces[0] ?? '';
  const number = readNumber(text);
  if (number === undefined) {
    const hint = `write a number, such as ${field}:500 or ${field}:>=500`;
    throw new QueryError('NOT_A_NUMBER', `${field} holds numbers, and "${text}" is none`, word.position, hint);
  }
  return number;
}

function timeOf(field: string, word: Word, nowMs: number): number {
  const text = word.pieces[0] ?? '';
  const ms = parseTime(text, nowMs);
  if (ms === undefined) {
    const hint = 'write RFC 3339 (2026-11-21T09:00:00Z) or a time relative to now (now-15m)';
    throw new QueryError('NOT_A_TIME', `${field} holds times, and "${text}" is none`, word.position, hint);
  }
  return ms;
}

function holdsJson(field: string, position: number): QueryError {
  return new QueryError(
    'FIELD_TYPE',
    `${field} holds JSON and can't be compared`,
    position,
    `write ${field}:* for events that have it`,
  );
}

export function isOpenEnd(word: Word): boolean {
  return !word.quoted && word.pieces.length === 2 && word.pieces[0] === '' && word.pieces[1] === '';
}
