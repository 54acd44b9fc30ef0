/**
 * A search as a filter of MongoDB: the same events that `match.ts` finds, to the letter. Where MongoDB's own comparisons
 * mean that (equality, ranges within one type, an array by its elements), they are used, since indexes serve them; what
 * has no such form (wildcards, free text in several pieces) is an expression.
 *
 * Strings compare by their bytes in MongoDB, and so by code point. A comparison of two ends needs care: of an array,
 * MongoDB lets one element be above the lower end and another one below the upper.
 */
import { pathOf } from 'tailrace/sinks/mongodb';
import { knownFieldType, type Range, type SearchLeaf, type SearchNode } from '../../query/search-node.ts';
import { dateAt } from './dates.ts';
import { anyElement, fieldAt, isLike, isPresent, scalarText, standInOrder } from './expressions.ts';

export type Filter = Readonly<Record<string, unknown>>;
type FieldLeaf = Exclude<SearchLeaf, { kind: 'text' }>;

export const NOTHING: Filter = { $nor: [{}] };
/** A longer pattern isn't worth a regular expression, and beyond 32,764 bytes MongoDB takes none. */
const MAX_PATTERN = 4_000;

export function compileSearch(node: SearchNode): Filter {
  switch (node.kind) {
    case 'all':
      return {};
    case 'and':
      return { $and: node.nodes.map(compileSearch) };
    case 'or':
      return { $or: node.nodes.map(compileSearch) };
    case 'not':
      return { $nor: [compileSearch(node.node)] };
    case 'text':
      return compileText(node.pieces);
    default:
      return knownFieldType(node.field) === undefined ? compileAttribute(node) : compileKnown(node);
  }
}

/** A known field has one type, and is never an array or null. */
function compileKnown(leaf: FieldLeaf): Filter {
  const path = pathOf(leaf.field);
  const type = knownFieldType(leaf.field);
  switch (leaf.kind) {
    case 'exists':
      return { [path]: { $exists: true } };
    case 'equals':
      return { [path]: { $eq: type === 'string' ? leaf.text : (leaf.number ?? leaf.text) } };
    case 'like': {
      const prefix = type === 'string' ? prefixOf(leaf.pieces) : undefined;
      if (prefix !== undefined) return { [path]: { $regex: `^${prefix}` } };
      return { $expr: isLike(scalarText(fieldAt(leaf.field)), leaf.pieces) };
    }
    case 'numbers':
    case 'texts':
      return { [path]: endsOf(leaf) };
    case 'times':
      return { [path]: endsOf(leaf, (ms) => dateAt(Number(ms))) };
  }
}

function compileAttribute(leaf: FieldLeaf): Filter {
  const path = pathOf(leaf.field);
  const isThere: Filter = { [path]: { $exists: true } };
  switch (leaf.kind) {
    case 'exists':
      return { $and: [isThere, { $expr: isPresent(fieldAt(leaf.field)) }] };
    case 'equals': {
      const values: (string | number | boolean)[] = [leaf.text];
      if (leaf.number !== undefined) values.push(leaf.number);
      if (leaf.text === 'true' || leaf.text === 'false') values.push(leaf.text === 'true');
      return { [path]: { $in: values } };
    }
    case 'like':
      return {
        $and: [isThere, { $expr: anyElement(fieldAt(leaf.field), isLike(scalarText('$$element'), leaf.pieces)) }],
      };
    case 'numbers':
    case 'texts': {
      const ends = endsOf(leaf);
      if (leaf.low === undefined || leaf.high === undefined) return { [path]: ends };
      const asScalar = { $and: [{ [path]: { $not: { $type: 'array' } } }, { [path]: ends }] };
      return { $or: [asScalar, { [path]: { $elemMatch: ends } }] };
    }
    case 'times':
      return NOTHING;
  }
}

function endsOf(
  range: Range<number> | Range<string>,
  toBson: (value: number | string) => unknown = (end) => end,
): Filter {
  return {
    ...(range.low !== undefined && { [range.low.inclusive ? '$gte' : '$gt']: toBson(range.low.value) }),
    ...(range.high !== undefined && { [range.high.inclusive ? '$lte' : '$lt']: toBson(range.high.value) }),
  };
}

/** Free text: in one of the event's texts, or in its id, which is not among them. */
function compileText(pieces: readonly string[]): Filter {
  const [only] = pieces;
  const pattern = pieces.length === 1 && only !== undefined ? patternOf(only) : undefined;
  if (pattern !== undefined) return { $or: [{ text: { $regex: pattern } }, { _id: { $regex: pattern } }] };
  const texts = { $concatArrays: [['$_id'], { $ifNull: ['$text', []] }] };
  const matches = { $map: { input: texts, as: 'element', in: standInOrder('$$element', pieces) } };
  return { $expr: { $anyElementTrue: [matches] } };
}

/** The pattern of what a text begins with, for `a*`: an index finds it. */
function prefixOf(pieces: readonly string[]): string | undefined {
  const [first = '', second] = pieces;
  return pieces.length === 2 && second === '' ? patternOf(first) : undefined;
}

/** A regular expression that is nothing but this text; `undefined` where it can't be one. */
function patternOf(text: string): string | undefined {
  if (text.length > MAX_PATTERN || text.includes('\0')) return undefined;
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
