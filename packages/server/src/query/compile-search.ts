/**
 * A search as SQL over the columns of the store: known fields are columns, everything else is looked up in the JSON
 * column `attributes`. Every condition is true or false, never NULL, so that NOT means what it says.
 *
 * Values are bound, and so never part of the SQL. The name of an attribute stands in a JSON pointer, inside a string literal
 * whose quotes are doubled.
 */
import { isEventField, knownFieldType, type Range, type SearchLeaf, type SearchNode, TEXT_FIELDS } from './search.ts';

export type SqlValue = string | number | boolean;

/** The values of one statement, in the order of their `$n`. */
export class Parameters {
  readonly values: SqlValue[] = [];

  bind(value: SqlValue): string {
    this.values.push(value);
    // A whole number would be bound as an INTEGER and overflow; every number of ours is a DOUBLE.
    return typeof value === 'number' ? `$${this.values.length}::DOUBLE` : `$${this.values.length}`;
  }
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The JSON value of an attribute. */
export function attributeSql(name: string): string {
  return `json_extract(attributes, ${attributePointer(name)})`;
}

export function compileSearch(node: SearchNode, parameters: Parameters): string {
  switch (node.kind) {
    case 'all':
      return 'true';
    case 'and':
    case 'or':
      return `(${node.nodes.map((part) => compileSearch(part, parameters)).join(node.kind === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `(NOT ${compileSearch(node.node, parameters)})`;
    case 'text':
      return compileText(node.pieces, parameters);
    default:
      return knownFieldType(node.field) === undefined
        ? compileAttribute(node, parameters)
        : compileColumn(node, parameters);
  }
}

type FieldLeaf = Exclude<SearchLeaf, { kind: 'text' }>;

function compileColumn(leaf: FieldLeaf, parameters: Parameters): string {
  const column = quoteIdentifier(leaf.field);
  const type = knownFieldType(leaf.field);
  switch (leaf.kind) {
    case 'exists':
      return `(${column} IS NOT NULL)`;
    case 'equals':
      return orFalse(`${column} = ${parameters.bind(type === 'string' ? leaf.text : (leaf.number ?? leaf.text))}`);
    case 'like':
      return orFalse(like(type === 'string' ? column : `CAST(${column} AS VARCHAR)`, leaf.pieces, parameters));
    case 'numbers':
      return within(column, leaf, (value) => parameters.bind(value));
    case 'texts':
      return within(column, leaf, (value) => parameters.bind(value));
    case 'times':
      return within(column, leaf, (value) => timestampSql(value, parameters));
  }
}

/** A time as a value of the column `timestamp`. */
export function timestampSql(ms: number, parameters: Parameters): string {
  return `make_timestamp(CAST(${parameters.bind(ms)} AS BIGINT) * 1000)`;
}

function compileAttribute(leaf: FieldLeaf, parameters: Parameters): string {
  const condition = attributeCondition(leaf, parameters);
  const trace = rawTrace(leaf);
  if (trace === undefined) return condition;
  return `CASE WHEN contains(attributes::VARCHAR, ${parameters.bind(trace)}) THEN ${condition} ELSE false END`;
}

/**
 * A text that the raw JSON of the attributes must hold where the condition is true, because JSON writes it as it is: the
 * value with its quotes, or the name. Looking for it costs a fraction of parsing.
 */
function rawTrace(leaf: FieldLeaf): string | undefined {
  if (leaf.kind === 'equals' && leaf.number === undefined && isWrittenAsItIs(leaf.text)) {
    return leaf.text === 'true' || leaf.text === 'false' ? leaf.text : `"${leaf.text}"`;
  }
  return isWrittenAsItIs(leaf.field) ? `"${leaf.field}":` : undefined;
}

function attributeCondition(leaf: FieldLeaf, parameters: Parameters): string {
  const value = attributeSql(leaf.field);
  if (leaf.kind === 'exists') return `(coalesce(json_type(${value}), 'NULL') <> 'NULL')`;
  const element = scalarCondition(leaf, 'element', parameters);
  const anyElement = `len(list_filter(json_extract(${value}, '$[*]'), lambda element: ${element})) > 0`;
  return orFalse(
    `CASE WHEN json_type(${value}) = 'ARRAY' THEN ${anyElement} ELSE ${scalarCondition(leaf, value, parameters)} END`,
  );
}

const IS_NUMBER = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')";
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

function scalarCondition(leaf: FieldLeaf, json: string, parameters: Parameters): string {
  const type = `json_type(${json})`;
  const text = `json_extract_string(${json}, '$')`;
  const number = `TRY_CAST(${text} AS DOUBLE)`;
  switch (leaf.kind) {
    case 'equals': {
      const sameText = `(${type} IN ('VARCHAR', 'BOOLEAN') AND ${text} = ${parameters.bind(leaf.text)})`;
      if (leaf.number === undefined) return orFalse(sameText);
      return orFalse(
        `CASE WHEN ${type} IN ${IS_NUMBER} THEN ${number} = ${parameters.bind(leaf.number)} ELSE ${sameText} END`,
      );
    }
    case 'like': {
      const isSafe = `(${type} IN ('UBIGINT', 'BIGINT') AND abs(${number}) <= ${MAX_SAFE})`;
      return orFalse(`(${type} IN ('VARCHAR', 'BOOLEAN') OR ${isSafe}) AND ${like(text, leaf.pieces, parameters)}`);
    }
    case 'numbers':
      return orFalse(
        `CASE WHEN ${type} IN ${IS_NUMBER} THEN ${within(number, leaf, (value) => parameters.bind(value))} ELSE false END`,
      );
    case 'texts':
      return orFalse(`${type} = 'VARCHAR' AND ${within(text, leaf, (value) => parameters.bind(value))}`);
    case 'exists':
    case 'times':
      return 'false';
  }
}

function within<V>(expression: string, range: Range<V>, bind: (value: V) => string): string {
  const conditions: string[] = [];
  if (range.low !== undefined)
    conditions.push(`${expression} ${range.low.inclusive ? '>=' : '>'} ${bind(range.low.value)}`);
  if (range.high !== undefined)
    conditions.push(`${expression} ${range.high.inclusive ? '<=' : '<'} ${bind(range.high.value)}`);
  return orFalse(conditions.join(' AND '));
}

function like(expression: string, pieces: readonly string[], parameters: Parameters): string {
  const pattern = pieces.map((piece) => piece.replaceAll(/[\\%_]/g, '\\$&')).join('%');
  return `${expression} LIKE ${parameters.bind(pattern)} ESCAPE '\\'`;
}

/**
 * Free text. The texts of an event are joined with a NUL between them, so that one comparison looks at all; a piece
 * that holds a NUL itself finds nothing. The values of the attributes are taken out of their JSON only where its raw
 * text has the piece in it.
 */
function compileText(pieces: readonly string[], parameters: Parameters): string {
  const texts = TEXT_FIELDS.map(quoteIdentifier);
  const values = "json_extract_string(attributes, '$.*')";
  const [only] = pieces;
  if (pieces.length > 1 || only === undefined || only.includes('\0')) {
    const pattern = ['', ...pieces, ''];
    const matches = `lambda part: ${like('lower(part)', pattern, parameters)}`;
    return orFalse(`len(list_filter(list_concat([${texts.join(', ')}], ${values}), ${matches})) > 0`);
  }
  const bound = parameters.bind(only);
  const inColumns = `contains(lower(concat_ws(chr(0), ${texts.join(', ')})), ${bound})`;
  const inValues = `contains(lower(array_to_string(${values}, chr(0))), ${bound})`;
  const inAttributes = isWrittenAsItIs(only)
    ? `CASE WHEN contains(lower(attributes::VARCHAR), ${bound}) THEN ${inValues} ELSE false END`
    : inValues;
  return orFalse(`${inColumns} OR ${inAttributes}`);
}

/** JSON writes quotes, backslashes and control characters differently; everything else as it is. */
function isWrittenAsItIs(text: string): boolean {
  return !/["\\\p{Cc}]/u.test(text);
}

/** RFC 6901: `~` and `/` are escaped; the rest of a name stands as it is. */
function attributePointer(name: string): string {
  if (isEventField(name)) throw new TypeError(`${name} is a column, not an attribute`);
  return quoteText(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

function orFalse(condition: string): string {
  return `coalesce(${condition}, false)`;
}
