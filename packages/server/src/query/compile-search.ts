/**
 * A search as SQL over the columns of the store: known fields are columns, everything else is looked up in the JSON
 * column `attributes`. Every condition is true or false, never NULL, so that NOT means what it says.
 *
 * Values are bound, and so never part of the SQL. The name of an attribute stands in a JSON pointer, inside a string literal
 * whose quotes are doubled.
 */
import { type AttributeColumns, attributeSql, isWhole, NO_COLUMNS } from './attribute-sql.ts';
import { knownFieldType, type Range, type SearchLeaf, type SearchNode, TEXT_FIELDS } from './search-node.ts';
import { IS_NUMBER, type Parameters, quoteIdentifier } from './sql-text.ts';

export function compileSearch(
  node: SearchNode,
  parameters: Parameters,
  columns: AttributeColumns = NO_COLUMNS,
): string {
  switch (node.kind) {
    case 'all':
      return 'true';
    case 'and':
    case 'or': {
      const parts = node.nodes.map((part) => compileSearch(part, parameters, columns));
      return `(${parts.join(node.kind === 'and' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `(NOT ${compileSearch(node.node, parameters, columns)})`;
    case 'text':
      return compileText(node, parameters);
    default:
      return compileField(node, parameters, columns);
  }
}

/**
 * The conditions of a WHERE, which takes NULL for false: the ones that all must hold stand bare, because DuckDB skips
 * row groups by a bare comparison only.
 */
export function compileWhere(node: SearchNode, parameters: Parameters, columns: AttributeColumns): string {
  const nodes = node.kind === 'and' ? node.nodes : [node];
  return nodes.map((part) => bare(compileSearch(part, parameters, columns))).join(' AND ');
}

function bare(condition: string): string {
  const inside = /^coalesce\(([^()]* (?:=|<|>|<=|>=) \$\d+(?:::DOUBLE)?), false\)$/.exec(condition);
  return inside?.[1] ?? condition;
}

type TextLeaf = Extract<SearchLeaf, { kind: 'text' }>;
type FieldLeaf = Exclude<SearchLeaf, { kind: 'text' }>;

function compileField(leaf: FieldLeaf, parameters: Parameters, columns: AttributeColumns): string {
  if (knownFieldType(leaf.field) !== undefined) return compileColumn(leaf, parameters);
  switch (columns.get(leaf.field)) {
    case 'string':
      return compileStrings(leaf, parameters);
    case 'number':
      return compileNumbers(leaf, parameters);
    case 'json':
      return attributeCondition(leaf, attributeSql(leaf.field, columns), parameters);
    default:
      return compileAttribute(leaf, parameters);
  }
}

/** A promoted column in which every value is a string. */
function compileStrings(leaf: FieldLeaf, parameters: Parameters): string {
  const column = quoteIdentifier(leaf.field);
  switch (leaf.kind) {
    case 'exists':
      return `(${column} IS NOT NULL)`;
    case 'equals':
      return orFalse(`${column} = ${parameters.bind(leaf.text)}`);
    case 'like':
      return orFalse(like(column, leaf.pieces, parameters));
    case 'texts':
      return within(column, leaf, (value) => parameters.bind(value));
    case 'numbers':
    case 'times':
      return 'false';
  }
}

/** A promoted column in which every value is a number. */
function compileNumbers(leaf: FieldLeaf, parameters: Parameters): string {
  const column = quoteIdentifier(leaf.field);
  switch (leaf.kind) {
    case 'exists':
      return `(${column} IS NOT NULL)`;
    case 'equals':
      return leaf.number === undefined ? 'false' : orFalse(`${column} = ${parameters.bind(leaf.number)}`);
    case 'like': {
      const text = `CAST(TRY_CAST(${column} AS BIGINT) AS VARCHAR)`;
      return orFalse(`${isWhole(column)} AND ${like(text, leaf.pieces, parameters)}`);
    }
    case 'numbers':
      return within(column, leaf, (value) => parameters.bind(value));
    case 'texts':
    case 'times':
      return 'false';
  }
}

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
  const condition = attributeCondition(leaf, attributeSql(leaf.field), parameters);
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

/** @param value the JSON that is looked at */
function attributeCondition(leaf: FieldLeaf, value: string, parameters: Parameters): string {
  if (leaf.kind === 'exists') return `(coalesce(json_type(${value}), 'NULL') <> 'NULL')`;
  const element = scalarCondition(leaf, 'element', parameters);
  const anyElement = `len(list_filter(json_extract(${value}, '$[*]'), lambda element: ${element})) > 0`;
  return orFalse(
    `CASE WHEN json_type(${value}) = 'ARRAY' THEN ${anyElement} ELSE ${scalarCondition(leaf, value, parameters)} END`,
  );
}

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
 * Free text. Each column is looked at by itself: most have few different values, and DuckDB then looks at each of those
 * once. The values of the attributes are taken out of their JSON only where its raw text has the piece in it. A piece
 * that holds a NUL finds nothing across two values, so the values of the attributes may be joined with one.
 */
function compileText({ pieces, fields }: TextLeaf, parameters: Parameters): string {
  const columns = TEXT_FIELDS.filter((name) => fields === undefined || fields.includes(name));
  const isInAttributes = fields === undefined || fields.includes('attributes');
  const values = "json_extract_string(attributes, '$.*')";
  const [only] = pieces;
  if (pieces.length > 1 || only === undefined || only.includes('\0')) {
    const pattern = ['', ...pieces, ''];
    const matches = `lambda part: ${like('lower(part)', pattern, parameters)}`;
    const texts = `[${columns.map(quoteIdentifier).join(', ')}]::VARCHAR[]`;
    const all = isInAttributes ? `list_concat(${texts}, ${values})` : texts;
    return orFalse(`len(list_filter(${all}, ${matches})) > 0`);
  }
  const bound = parameters.bind(only);
  const inColumns = columns.map((name) => `contains(lower(${quoteIdentifier(name)}), ${bound})`);
  if (!isInAttributes) return inColumns.length === 0 ? 'false' : orFalse(inColumns.join(' OR '));
  const inValues = `contains(lower(array_to_string(${values}, chr(0))), ${bound})`;
  const inAttributes = isWrittenAsItIs(only)
    ? `CASE WHEN ${rawAttributesHave(only, bound, parameters)} THEN ${inValues} ELSE false END`
    : inValues;
  return orFalse([...inColumns, inAttributes].join(' OR '));
}

const MAX_PATTERN_TEXT = 64;
/** What else becomes a letter of ASCII in lower case: the sign of Kelvin, and the Turkish I with its dot. */
const MORE_CAPITALS: Readonly<Record<string, string>> = { k: '\u212a', i: '\u0130' };

/**
 * Whether the JSON of the attributes has a text anywhere, whatever the case. A pattern over the text as it is takes two
 * thirds of what it takes to make a copy in lower case first.
 */
function rawAttributesHave(text: string, bound: string, parameters: Parameters): string {
  if (text.length > MAX_PATTERN_TEXT || !/^[\x20-\x7e]+$/.test(text))
    return `contains(lower(attributes::VARCHAR), ${bound})`;
  const pattern = text.replaceAll(/./g, (character) =>
    /[a-z]/.test(character)
      ? `[${character}${character.toUpperCase()}${MORE_CAPITALS[character] ?? ''}]`
      : `[${/[\]\\^-]/.test(character) ? '\\' : ''}${character}]`,
  );
  return `regexp_matches(attributes::VARCHAR, ${parameters.bind(pattern)})`;
}

/** JSON writes quotes, backslashes and control characters differently; everything else as it is. */
function isWrittenAsItIs(text: string): boolean {
  return !/["\\\p{Cc}]/u.test(text);
}

function orFalse(condition: string): string {
  return `coalesce(${condition}, false)`;
}
