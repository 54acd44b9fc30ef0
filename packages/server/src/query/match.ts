/**
 * Whether one event matches a search, in JavaScript: for the live tail, and as the oracle against which the SQL of
 * `compile-search.ts` is tested. Both must agree to the letter; see `search.ts` for what a search means.
 */
import { foldCase, searchText } from 'tailrace/search-text';
import {
  isEventField,
  knownFieldType,
  type Range,
  type SearchLeaf,
  type SearchNode,
  TEXT_FIELDS,
} from './search-node.ts';

type Event = Readonly<Record<string, unknown>>;

export function matchesSearch(node: SearchNode, event: Event): boolean {
  switch (node.kind) {
    case 'all':
      return true;
    case 'and':
      return node.nodes.every((part) => matchesSearch(part, event));
    case 'or':
      return node.nodes.some((part) => matchesSearch(part, event));
    case 'not':
      return !matchesSearch(node.node, event);
    case 'text':
      return holdsText(event, node.pieces);
    default:
      return matchesField(node, Object.hasOwn(event, node.field) ? event[node.field] : undefined);
  }
}

function matchesField(leaf: Exclude<SearchLeaf, { kind: 'text' }>, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (leaf.kind === 'exists') return true;
  if (leaf.kind === 'times') return typeof value === 'string' && isWithin(Date.parse(value), leaf, compareNumbers);
  if (knownFieldType(leaf.field) === undefined && Array.isArray(value)) {
    return value.some((element) => matchesScalar(leaf, element));
  }
  return matchesScalar(leaf, value);
}

function matchesScalar(leaf: Exclude<SearchLeaf, { kind: 'text' | 'exists' | 'times' }>, value: unknown): boolean {
  switch (leaf.kind) {
    case 'equals':
      if (typeof value === 'number') return leaf.number === value;
      return scalarText(value) === leaf.text;
    case 'like': {
      const text = scalarText(value);
      return text !== undefined && isLike(text, leaf.pieces);
    }
    case 'numbers':
      return typeof value === 'number' && isWithin(value, leaf, compareNumbers);
    case 'texts':
      return typeof value === 'string' && isWithin(value, leaf, compareCodePoints);
  }
}

/** The text against which a wildcard is held; only whole numbers that are exact have one. */
function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  return undefined;
}

function isWithin<V>(value: V, range: Range<V>, compare: (a: V, b: V) => number): boolean {
  if (range.low !== undefined) {
    const order = compare(value, range.low.value);
    if (range.low.inclusive ? !(order >= 0) : !(order > 0)) return false;
  }
  if (range.high !== undefined) {
    const order = compare(value, range.high.value);
    if (range.high.inclusive ? !(order <= 0) : !(order < 0)) return false;
  }
  return true;
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}

/** By code point, as bytes of UTF-8 compare; JavaScript's own order differs beyond U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isLike(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  return standInOrder(text.slice(first.length, text.length - last.length), pieces.slice(1, -1));
}

function standInOrder(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const found = text.indexOf(piece, from);
    if (found === -1) return false;
    from = found + piece.length;
  }
  return true;
}

function holdsText(event: Event, pieces: readonly string[]): boolean {
  for (const field of TEXT_FIELDS) {
    const value = event[field];
    if (typeof value === 'string' && standInOrder(foldCase(value), pieces)) return true;
  }
  for (const [field, value] of Object.entries(event)) {
    if (isEventField(field) || value === null || value === undefined) continue;
    if (standInOrder(foldCase(searchText(value)), pieces)) return true;
  }
  return false;
}
