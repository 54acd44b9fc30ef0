/**
 * A search as ClickHouse's SQL: to the letter what `query/match.ts` says it means.
 *
 * Attributes are JSON texts, and one value has one text (`jsonText`), so that most conditions compare texts and parse
 * nothing. An array is taken apart at its separators.
 */
import { jsonText } from 'tailrace/sinks/clickhouse';
import { knownFieldType, type Range, type SearchLeaf, type SearchNode, TEXT_FIELDS } from '../../query/search-node.ts';
import {
  attributeSql,
  type Columns,
  columnName,
  columnSql,
  elementsSql,
  type Parameters,
  plainJsonSql,
  timestampSql,
} from './sql.ts';

/** A condition that is 1 or 0, never NULL, so that NOT means what it says. */
export function compileSearch(node: SearchNode, columns: Columns): string {
  switch (node.kind) {
    case 'all':
      return '1';
    case 'and':
      return `(${node.nodes.map((part) => compileSearch(part, columns)).join(' AND ')})`;
    case 'or':
      return `(${joinEquals(node.nodes)
        .map((part) => ('leaves' in part ? orFalse(compileEquals(part, columns)) : compileSearch(part, columns)))
        .join(' OR ')})`;
    case 'not':
      return `(NOT ${compileSearch(node.node, columns)})`;
    default:
      return orFalse(compileLeaf(node, columns));
  }
}

/** The conditions of a WHERE, which takes NULL for 0: those that all must hold stand bare, as indexes want them. */
export function compileWhere(node: SearchNode, columns: Columns): string {
  const nodes = node.kind === 'and' ? node.nodes : [node];
  return nodes
    .map((part) => (isLeaf(part) ? compileLeaf(part, columns) : compileSearch(part, columns)))
    .map((condition) => `(${condition})`)
    .join(' AND ');
}

type FieldLeaf = Exclude<SearchLeaf, { kind: 'text' }>;

type EqualsLeaf = Extract<SearchLeaf, { kind: 'equals' }>;

/** Values of one field of which one is enough. */
interface Alternatives {
  readonly field: string;
  readonly leaves: readonly EqualsLeaf[];
}

/** `field:(a b c)` looks at the field once, however many values there are. */
function joinEquals(nodes: readonly SearchNode[]): (SearchNode | Alternatives)[] {
  const joined: (SearchNode | Alternatives)[] = [];
  const byField = new Map<string, EqualsLeaf[]>();
  for (const node of nodes) {
    const known = node.kind === 'equals' ? byField.get(node.field) : undefined;
    const canJoin = node.kind === 'equals' && ['string', undefined].includes(knownFieldType(node.field));
    if (!canJoin || node.text.includes('\0')) joined.push(node);
    else if (known !== undefined) known.push(node);
    else {
      const leaves = [node];
      byField.set(node.field, leaves);
      joined.push({ field: node.field, leaves });
    }
  }
  return joined;
}

function compileEquals({ field, leaves }: Alternatives, columns: Columns): string {
  const { parameters } = columns;
  if (knownFieldType(field) !== undefined) {
    return `${columnSql(field)} IN ${parameters.texts(leaves.map(({ text }) => text))}`;
  }
  const value = attributeSql(field, columns);
  const texts = parameters.texts(leaves.flatMap(jsonTexts));
  return `if(startsWith(${value}, '['), hasAny(${elementsSql(value)}, ${texts}), ${value} IN ${texts})`;
}

/** The JSON of the values that a text finds: the string, and the number or boolean that reads as it. */
function jsonTexts({ text, number }: EqualsLeaf): readonly string[] {
  return [
    jsonText(text),
    ...(text === 'true' || text === 'false' ? [text] : []),
    ...(number === undefined ? [] : [jsonText(number)]),
  ];
}

function orFalse(condition: string): string {
  return `ifNull(${condition}, 0)`;
}

function isLeaf(node: SearchNode): node is SearchLeaf {
  return !['all', 'and', 'or', 'not'].includes(node.kind);
}

function compileLeaf(leaf: SearchLeaf, columns: Columns): string {
  if (leaf.kind === 'text') return compileText(leaf.pieces, columns.parameters);
  if (knownFieldType(leaf.field) !== undefined) return compileColumn(leaf, columns.parameters);
  if (leaf.kind === 'equals') return compileEquals({ field: leaf.field, leaves: [leaf] }, columns);
  const value = attributeSql(leaf.field, columns);
  if (leaf.kind === 'exists') return `${value} NOT IN ('', 'null')`;
  const anyElement = `arrayExists(element -> ${scalarCondition(leaf, 'element', columns.parameters)}, ${elementsSql(value)})`;
  return `if(startsWith(${value}, '['), ${anyElement}, ${scalarCondition(leaf, value, columns.parameters)})`;
}

function compileColumn(leaf: FieldLeaf, parameters: Parameters): string {
  const column = columnName(leaf.field);
  const type = knownFieldType(leaf.field);
  switch (leaf.kind) {
    case 'exists':
      return `${columnSql(leaf.field)} IS NOT NULL`;
    case 'equals':
      if (type === 'string') return `${columnSql(leaf.field)} = ${parameters.text(leaf.text)}`;
      return leaf.number === undefined ? '0' : `${column} = ${parameters.number(leaf.number)}`;
    case 'like':
      return like(type === 'string' ? columnSql(leaf.field) : `toString(${column})`, leaf.pieces, parameters);
    case 'numbers':
      return within(column, leaf, (value) => parameters.number(value));
    case 'texts':
      return within(columnSql(leaf.field), leaf, (value) => parameters.text(value));
    case 'times':
      return within(column, leaf, (value) => timestampSql(value, parameters));
  }
}

/** @param json the JSON text of a value that is no array; of an array or object none of the conditions holds */
function scalarCondition(leaf: Exclude<FieldLeaf, EqualsLeaf>, json: string, parameters: Parameters): string {
  const isText = `startsWith(${json}, '"')`;
  const isBoolean = `${json} IN ('true', 'false')`;
  switch (leaf.kind) {
    case 'like': {
      const isExact = `(match(${json}, '^-?[0-9]+$') AND abs(toFloat64OrZero(${json})) <= ${Number.MAX_SAFE_INTEGER})`;
      return `((${isText} OR ${isBoolean} OR ${isExact}) AND ${like(scalarTextSql(json), leaf.pieces, parameters)})`;
    }
    case 'numbers': {
      const number = `toFloat64OrZero(${json})`;
      return `(match(${json}, '^[-0-9]') AND ${within(number, leaf, (value) => parameters.number(value))})`;
    }
    case 'texts':
      return `(${isText} AND ${within(scalarTextSql(json), leaf, (value) => parameters.text(value))})`;
    case 'exists':
    case 'times':
      return '0';
  }
}

/** A string without its quotation marks and escapes; anything else as it is. */
function scalarTextSql(json: string): string {
  const bare = `substring(${json}, 2, length(${json}) - 2)`;
  return `if(startsWith(${json}, '"'), if(position(${json}, '\\\\') = 0, ${bare}, JSONExtractString(${json})), ${json})`;
}

function within<V>(expression: string, range: Range<V>, bind: (value: V) => string): string {
  const conditions: string[] = [];
  if (range.low !== undefined)
    conditions.push(`${expression} ${range.low.inclusive ? '>=' : '>'} ${bind(range.low.value)}`);
  if (range.high !== undefined)
    conditions.push(`${expression} ${range.high.inclusive ? '<=' : '<'} ${bind(range.high.value)}`);
  return conditions.join(' AND ');
}

function like(expression: string, pieces: readonly string[], parameters: Parameters): string {
  const pattern = pieces.map((piece) => piece.replaceAll(/[\\%_]/g, '\\$&')).join('%');
  return `${expression} LIKE ${parameters.text(pattern)}`;
}

/**
 * Free text: the pieces in their order within one value. The texts of an event are joined with a NUL between them, so
 * that one comparison looks at all; a piece that holds a NUL itself, or several pieces, look at each.
 */
function compileText(pieces: readonly string[], parameters: Parameters): string {
  const texts = TEXT_FIELDS.map((field) => `ifNull(CAST(${columnName(field)} AS Nullable(String)), '')`);
  const [only] = pieces;
  const holds =
    pieces.length === 1 && only !== undefined
      ? (text: string) => `position(${text}, ${parameters.text(only)}) > 0`
      : (text: string) => like(text, ['', ...pieces, ''], parameters);
  const value = `if(startsWith(value, '['), ${plainJsonSql('value')}, ${scalarTextSql('value')})`;
  const inAttributes = `arrayExists(value -> value != 'null' AND ${holds(folded(value))}, mapValues(attributes))`;
  const inColumns =
    pieces.length === 1 && !only?.includes('\0')
      ? holds(folded(`arrayStringConcat([${texts.join(', ')}], '\\0')`))
      : `arrayExists(text -> ${holds(folded('text'))}, [${texts.join(', ')}])`;
  return `(${inColumns} OR ${inAttributes})`;
}

/**
 * Lower case character by character, as `foldCase` does it: of the rules that look at a word, or make one character two,
 * Unicode has two that hold in every language, a sigma at the end of a word and the dotted capital I.
 */
function folded(text: string): string {
  return `lowerUTF8(replaceAll(replaceAll(${text}, 'Σ', 'σ'), 'İ', 'i'))`;
}
