/**
 * Expressions of MongoDB's pipelines. What comes from a user stands in a `$literal`, or behind an escaped name: an
 * expression that begins with `$` would be a path, and one with an operator for its key would be run.
 */
import { pathOf } from 'tailrace/sinks/mongodb';

export type Expression = unknown;

/** The value of a field; no value where an event lacks it. */
export function fieldAt(field: string): string {
  return `$${pathOf(field)}`;
}

export function literal(value: unknown): Expression {
  return { $literal: value };
}

/** True where there is a value, and it isn't null. Every value of BSON that an event can have comes after null. */
export function isPresent(value: Expression): Expression {
  return { $gt: [value, null] };
}

export function both(conditions: readonly Expression[]): Expression {
  return conditions.length === 1 ? conditions[0] : { $and: conditions };
}

export function when(condition: Expression, value: Expression, otherwise: Expression): Expression {
  return { $cond: [condition, value, otherwise] };
}

/** One expression worked out once, under a name (`$$name` within `use`). */
export function bind(name: string, value: Expression, use: Expression): Expression {
  return { $let: { vars: { [name]: value }, in: use } };
}

/** True where the condition on `$$element` holds for a value, or for one of its elements where it is an array. */
export function anyElement(value: Expression, condition: Expression): Expression {
  const elements = when({ $isArray: [value] }, value, [value]);
  return { $anyElementTrue: [{ $map: { input: elements, as: 'element', in: condition } }] };
}

/** The text against which a wildcard is held, or null: only whole numbers that are exact have one (`match.ts`). */
export function scalarText(value: Expression): Expression {
  const isWhole = {
    $and: [{ $eq: [value, { $trunc: value }] }, { $lte: [{ $abs: value }, Number.MAX_SAFE_INTEGER] }],
  };
  const number = when(when({ $isNumber: value }, isWhole, false), { $toString: { $toLong: value } }, null);
  const boolean = when({ $eq: [{ $type: value }, 'bool'] }, when(value, 'true', 'false'), number);
  return when({ $eq: [{ $type: value }, 'string'] }, value, boolean);
}

/** Whether a text, or null, is the pieces with anything between them. */
export function isLike(text: Expression, pieces: readonly string[]): Expression {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  const [firstLength, lastLength] = [codePoints(first), codePoints(last)];
  const end = { $subtract: ['$$length', lastLength] };
  const conditions: Expression[] = [{ $gte: ['$$length', firstLength + lastLength] }];
  if (first !== '') conditions.push({ $eq: [{ $indexOfCP: ['$$text', literal(first), 0, firstLength] }, 0] });
  if (last !== '') {
    conditions.push({ $eq: [{ $indexOfCP: ['$$text', literal(last), { $max: [0, end] }] }, end] });
  }
  if (middle.length > 0) {
    conditions.push(
      bind('behind', endOfPieces('$$text', middle, firstLength), {
        $and: [{ $gte: ['$$behind', 0] }, { $lte: ['$$behind', end] }],
      }),
    );
  }
  const matches = bind('length', { $strLenCP: '$$text' }, both(conditions));
  return bind('text', text, when(isPresent('$$text'), matches, false));
}

/** Whether the pieces stand in a text in this order. */
export function standInOrder(text: Expression, pieces: readonly string[]): Expression {
  return { $gte: [endOfPieces(text, pieces, 0), 0] };
}

/**
 * Where the last piece ends, each one taken as early as it can be, from a place on; −1 where one is missing. A regular
 * expression would say the same, and try all ways to say no.
 */
function endOfPieces(text: Expression, pieces: readonly string[], from: number): Expression {
  const next = bind(
    'found',
    { $indexOfCP: [text, '$$this', '$$value'] },
    when({ $lt: ['$$found', 0] }, -1, { $add: ['$$found', { $strLenCP: '$$this' }] }),
  );
  // A piece can't be looked for behind the end of a text.
  const step = when({ $lt: ['$$value', 0] }, -1, when({ $gt: ['$$value', { $strLenCP: text }] }, -1, next));
  return { $reduce: { input: literal(pieces), initialValue: from, in: step } };
}

function codePoints(text: string): number {
  return [...text].length;
}
