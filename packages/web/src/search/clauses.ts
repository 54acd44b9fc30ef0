/**
 * A search string, cut into its clauses, as far as the screen must understand it to edit it: to add a filter, to take one
 * away, to complete a word. The server alone decides what a search means and whether it is right; so whatever isn't a
 * plain `field:value` here is only carried along, character for character.
 */

export interface Clause {
  /** Where the clause stands in the search string. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly kind: 'operator' | 'clause';
  /** `-field:value`, `!field:value` or `NOT field:value`. */
  readonly negated: boolean;
  /** The field, where the clause is `field:…`. */
  readonly field: string | undefined;
  /** The values that the clause names: one for `field:value`, several for `field:(a OR b)`, none for anything else. */
  readonly values: readonly string[];
  /** Where that which follows the colon begins. */
  readonly valueStart: number;
}

const OPERATORS = new Set(['AND', 'OR', 'NOT', '&&', '||']);
const FIELD = /^[-!+]?([^\s:"()[\]{}<>=]+):/;
const OPEN = new Set(['(', '[', '{']);
const CLOSE = new Set([')', ']', '}']);
const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u;
/** A comparison, or a wildcard: nothing that names a value. */
const NOT_A_VALUE = /^[<>=]|[*?]/;

/** The clauses of the outermost level, in order. Never throws: an unfinished quote or bracket runs to the end. */
export function readClauses(query: string): Clause[] {
  const clauses: Clause[] = [];
  let negateNext = false;
  for (const [start, end] of splitAtSpaces(query)) {
    const text = query.slice(start, end);
    if (OPERATORS.has(text)) {
      clauses.push({
        start,
        end,
        text,
        kind: 'operator',
        negated: false,
        field: undefined,
        values: [],
        valueStart: end,
      });
      negateNext = text === 'NOT';
      continue;
    }
    const match = FIELD.exec(text);
    const valueStart = start + (match?.[0].length ?? 0);
    clauses.push({
      start,
      end,
      text,
      kind: 'clause',
      negated: negateNext || /^[-!]/.test(text),
      field: match?.[1],
      values: match ? readValues(query.slice(valueStart, end)) : [],
      valueStart,
    });
    negateNext = false;
  }
  return clauses;
}

function splitAtSpaces(text: string): [number, number][] {
  const parts: [number, number][] = [];
  let start = -1;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (start < 0 && !/\s/.test(char)) start = i;
    if (char === '\\') i += 1;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (OPEN.has(char)) depth += 1;
    else if (CLOSE.has(char)) depth = Math.max(0, depth - 1);
    else if (start >= 0 && depth === 0 && /\s/.test(char)) {
      parts.push([start, i]);
      start = -1;
    }
  }
  if (start >= 0) parts.push([start, text.length]);
  return parts;
}

function readValues(text: string): string[] {
  const single = readValue(text);
  if (single !== undefined) return [single];
  if (!text.startsWith('(') || !text.endsWith(')')) return [];
  const inner = text.slice(1, -1);
  const words = splitAtSpaces(inner).map(([start, end]) => inner.slice(start, end));
  const values: string[] = [];
  for (const [i, word] of words.entries()) {
    if (i % 2 === 1 ? word !== 'OR' : OPERATORS.has(word)) return [];
    if (i % 2 === 1) continue;
    const value = readValue(word);
    if (value === undefined) return [];
    values.push(value);
  }
  return words.length % 2 === 1 ? values : [];
}

function readValue(text: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(text);
  if (quoted) return (quoted[1] ?? '').replace(/\\(.)/gs, '$1');
  if (text === '' || /[\s"()[\]{}\\]/.test(text) || NOT_A_VALUE.test(text)) return undefined;
  return text;
}

/** Writes a value so that a search takes it literally: in quotes where it holds anything but letters, digits and `_.@-`. */
export function quoteValue(value: string): string {
  if (PLAIN.test(value) && !OPERATORS.has(value) && value !== 'TO') return value;
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}
