/**
 * The search syntax, in the manner of Lucene, parsed to plain data.
 *
 *   service:payments status:>=500 "card declined" -route:/health duration_ms:[500 TO *] error.code:GATEWAY_*
 *   (level:error OR level:fatal) NOT host:web-3 user.id:(u1 OR u2) error.code:*
 *
 * - Words side by side must all hold; `OR` binds weaker than that, `NOT` or `-` stronger; parentheses group.
 *   The operators are in capitals. Inside `field:( … )` words side by side are alternatives.
 * - `field:value` holds where the field is that value, to the letter; a value that looks like a number also finds the number.
 *   `*` stands for any run of characters. Where the field is an array, one of its elements is enough.
 * - `field:*` holds where the event has the field. `_exists_:field` is the same.
 * - `field:>=5`, `field:[5 TO 10]` (ends included), `field:{5 TO 10}` (ends left out), `*` for an open end.
 * - Anything else is free text: found anywhere in the text fields and in the values of attributes, whatever the case.
 * - `\` takes the meaning from the character after it. A quoted value or word has no wildcards.
 *
 * What a search means for one event is written twice, and tested to be the same: `match.ts` in JavaScript, for the live
 * tail, and `compile-search.ts` in SQL.
 */
import { foldCase } from 'tailrace/search-text';
import { QueryError } from './query-error.ts';
import { isOpenEnd, rangeLeaf, valueLeaf, type Word } from './search-leaf.ts';
import type { Range, SearchLeaf, SearchNode } from './search-node.ts';

const MAX_LENGTH = 8_192;
const MAX_DEPTH = 40;
const MAX_LEAVES = 256;

const SPACE = /\s/u;
const FIELD = /([\p{L}_@$][\p{L}\p{N}_.\-/@$]*):(?!\/\/)/uy;

/**
 * Reads a search string. Time and memory are linear in its length.
 *
 * @param nowMs what relative times on `timestamp` are relative to
 * @throws QueryError with the place of the fault and a hint
 */
export function parseSearch(text: string, nowMs: number = Date.now()): SearchNode {
  if (text.length > MAX_LENGTH) {
    throw new QueryError(
      'SEARCH_TOO_LONG',
      `the search has ${text.length} characters; ${MAX_LENGTH} are allowed`,
      MAX_LENGTH,
    );
  }
  let at = 0;
  let leaves = 0;

  const skipSpace = (): void => {
    while (at < text.length && SPACE.test(text.charAt(at))) at += 1;
  };

  const fail = (message: string, position: number, hint?: string): never => {
    throw new QueryError('SEARCH_SYNTAX', message, position, hint);
  };

  const atOperator = (...words: readonly string[]): string | undefined =>
    words.find((word) => text.startsWith(word, at) && endsWord(text, at + word.length));

  const leaf = (node: SearchLeaf): SearchLeaf => {
    leaves += 1;
    if (leaves > MAX_LEAVES) {
      throw new QueryError('SEARCH_TOO_LONG', `the search has more than ${MAX_LEAVES} terms`, node.position);
    }
    return node;
  };

  const parseAny = (depth: number, inGroupOf: string | undefined): SearchNode => {
    if (depth > MAX_DEPTH) throw new QueryError('SEARCH_TOO_DEEP', `nested deeper than ${MAX_DEPTH} parentheses`, at);
    const alternatives: SearchNode[] = [parseAll(depth, inGroupOf)];
    for (;;) {
      skipSpace();
      const operator = atOperator('OR', '||');
      // In `field:(a b)` words side by side are alternatives, so the loop goes on without an operator.
      const sideBySide = inGroupOf !== undefined && at < text.length && text.charAt(at) !== ')';
      if (operator === undefined && !sideBySide) break;
      if (operator !== undefined) at += operator.length;
      alternatives.push(parseAll(depth, inGroupOf));
    }
    return join('or', alternatives);
  };

  const parseAll = (depth: number, inGroupOf: string | undefined): SearchNode => {
    const parts: SearchNode[] = [parseOne(depth, inGroupOf)];
    for (;;) {
      skipSpace();
      const operator = atOperator('AND', '&&');
      if (operator !== undefined) {
        at += operator.length;
      } else if (inGroupOf !== undefined || at >= text.length || text.charAt(at) === ')' || atOperator('OR', '||')) {
        break;
      }
      parts.push(parseOne(depth, inGroupOf));
    }
    return join('and', parts);
  };

  const parseOne = (depth: number, inGroupOf: string | undefined): SearchNode => {
    skipSpace();
    let negated = false;
    for (;;) {
      const word = atOperator('NOT');
      const sign = text.charAt(at);
      const isSign = (sign === '-' || sign === '+' || sign === '!') && /[^\s)]/u.test(text.charAt(at + 1));
      if (word === undefined && !isSign) break;
      if (word !== undefined || sign !== '+') negated = !negated;
      at += word === undefined ? 1 : word.length;
      skipSpace();
    }
    const node = parseTerm(depth, inGroupOf);
    return negated ? { kind: 'not', node } : node;
  };

  const parseTerm = (depth: number, inGroupOf: string | undefined): SearchNode => {
    const start = at;
    if (at >= text.length)
      fail('a word is missing at the end', at, 'remove the operator, or write what comes after it');
    const operator = atOperator('AND', 'OR', '&&', '||');
    if (operator !== undefined)
      fail(`${operator} has nothing before it`, at, `to search for the word itself write "${operator}"`);
    const character = text.charAt(at);
    if (character === ')') fail('this parenthesis was never opened', at, 'remove it, or put it in quotes');
    if (character === '(') {
      at += 1;
      skipSpace();
      if (text.charAt(at) === ')') fail('nothing between the parentheses', start);
      const node = parseAny(depth + 1, inGroupOf);
      skipSpace();
      if (text.charAt(at) !== ')')
        fail('this parenthesis is never closed', start, 'add ) after the last word of the group');
      at += 1;
      return node;
    }
    if (inGroupOf !== undefined) return parseValue(inGroupOf, depth, start);
    const field = readField();
    if (field !== undefined) return parseValue(field, depth, start);
    const word = readWord();
    const pieces = word.pieces.map(foldCase).filter((piece) => piece !== '');
    // A lone `*`, or an empty quotation, holds for all events.
    return pieces.length === 0 ? { kind: 'all' } : leaf({ kind: 'text', pieces, position: start });
  };

  /** `name:` or `"a name":`; leaves the place alone where there is neither. */
  const readField = (): string | undefined => {
    if (text.charAt(at) === '"') {
      const start = at;
      const name = readWord();
      if (text.charAt(at) === ':' && name.pieces[0] !== undefined && name.pieces[0] !== '') {
        at += 1;
        return name.pieces[0];
      }
      at = start;
      return undefined;
    }
    FIELD.lastIndex = at;
    const match = FIELD.exec(text);
    if (match?.[1] === undefined) return undefined;
    at = FIELD.lastIndex;
    return match[1];
  };

  const parseValue = (field: string, depth: number, start: number): SearchNode => {
    skipSpace();
    const character = text.charAt(at);
    if (at >= text.length || character === ')') {
      fail(`a value is missing after "${field}:"`, at, `write ${field}:value, or ${field}:* for any value`);
    }
    if (character === '(') {
      const open = at;
      at += 1;
      skipSpace();
      if (text.charAt(at) === ')') fail('nothing between the parentheses', open);
      const node = parseAny(depth + 1, field);
      skipSpace();
      if (text.charAt(at) !== ')') fail('this parenthesis is never closed', open, 'add ) after the last value');
      at += 1;
      return node;
    }
    if (character === '[' || character === '{') return leaf(rangeLeaf(field, readRange(), start, nowMs));
    const comparison = /(?:>=|<=|>|<)/y;
    comparison.lastIndex = at;
    const sign = comparison.exec(text)?.[0];
    if (sign !== undefined) {
      at += sign.length;
      skipSpace();
      if (at >= text.length) fail(`a value is missing after "${sign}"`, at);
      const bound = { value: readWord(), inclusive: sign.length === 2 };
      const range = sign.startsWith('>') ? { low: bound, high: undefined } : { low: undefined, high: bound };
      return leaf(rangeLeaf(field, range, start, nowMs));
    }
    const word = readWord();
    if (field === '_exists_') return leaf({ kind: 'exists', field: word.pieces.join('*'), position: start });
    return leaf(valueLeaf(field, word, start, nowMs));
  };

  const readRange = (): Range<Word> => {
    const start = at;
    const lowInclusive = text.charAt(at) === '[';
    at += 1;
    const hint = 'write [low TO high], with * for an open end';
    skipSpace();
    const low = readWord(true);
    skipSpace();
    if (atOperator('TO') === undefined) fail('TO is missing in this range', at, hint);
    at += 2;
    skipSpace();
    const high = readWord(true);
    skipSpace();
    const close = text.charAt(at);
    if (close !== ']' && close !== '}') fail('this range is never closed', start, hint);
    at += 1;
    return {
      low: isOpenEnd(low) ? undefined : { value: low, inclusive: lowInclusive },
      high: isOpenEnd(high) ? undefined : { value: high, inclusive: close === ']' },
    };
  };

  /** A quoted string, or a run of characters up to a space or a parenthesis (in a range also up to its end). */
  const readWord = (inRange = false): Word => {
    const position = at;
    const pieces: string[] = [];
    let piece = '';
    if (text.charAt(at) === '"') {
      at += 1;
      while (at < text.length && text.charAt(at) !== '"') {
        if (text.charAt(at) === '\\' && at + 1 < text.length) at += 1;
        piece += text.charAt(at);
        at += 1;
      }
      if (at >= text.length) fail('this quotation mark is never closed', position, 'add " after the last word');
      at += 1;
      return { pieces: [piece], quoted: true, position };
    }
    while (at < text.length) {
      const character = text.charAt(at);
      if (SPACE.test(character) || character === '(' || character === ')' || character === '"') break;
      if (inRange && (character === ']' || character === '}')) break;
      if (character === '*') {
        pieces.push(piece);
        piece = '';
      } else {
        if (character === '\\' && at + 1 < text.length) at += 1;
        piece += text.charAt(at);
      }
      at += 1;
    }
    if (at === position) fail('a value is missing here', position);
    return { pieces: [...pieces, piece], quoted: false, position };
  };

  skipSpace();
  if (at >= text.length) return { kind: 'all' };
  const node = parseAny(0, undefined);
  skipSpace();
  if (at < text.length) fail('this parenthesis was never opened', at, 'remove it, or put it in quotes');
  return node;
}

function endsWord(text: string, at: number): boolean {
  return at >= text.length || SPACE.test(text.charAt(at)) || text.charAt(at) === '(' || text.charAt(at) === ')';
}

function join(kind: 'and' | 'or', nodes: readonly SearchNode[]): SearchNode {
  const [first] = nodes;
  return nodes.length === 1 && first !== undefined ? first : { kind, nodes };
}
