/**
 * Attributes in SQL: looked up in the JSON column `attributes`, or, where a segment has promoted them, in a column of their own.
 * Both ways give the same value for every event; see `store/duckdb/promotion.ts`.
 */
import { isEventField } from './search-node.ts';
import { IS_NUMBER, quoteIdentifier, quoteText } from './sql-text.ts';

/** What a promoted column holds: only strings, only numbers, or the JSON of each value. */
export type AttributeKind = 'string' | 'number' | 'json';
/** The attributes that have a column of their own in what is selected from. */
export type AttributeColumns = ReadonlyMap<string, AttributeKind>;
export const NO_COLUMNS: AttributeColumns = new Map();

/** The JSON value of an attribute. */
export function attributeSql(name: string, columns: AttributeColumns = NO_COLUMNS): string {
  return columns.get(name) === 'json'
    ? `${quoteIdentifier(name)}::JSON`
    : `json_extract(attributes, ${attributePointer(name)})`;
}

/** The value of an attribute as the text of its JSON, so that 5 and "5" stay apart; NULL where there is none. */
export function attributeTextSql(name: string, columns: AttributeColumns): string {
  const column = quoteIdentifier(name);
  switch (columns.get(name)) {
    case 'string':
      return `to_json(${column})::VARCHAR`;
    case 'number':
      // As JSON writes it: a whole number has no fraction.
      return `CASE WHEN ${isWhole(column)} THEN CAST(TRY_CAST(${column} AS BIGINT) AS VARCHAR) ELSE to_json(${column})::VARCHAR END`;
    default:
      return `nullif(${attributeSql(name, columns)}::VARCHAR, 'null')`;
  }
}

/** The value of an attribute where it is a number. */
export function attributeNumberSql(name: string, columns: AttributeColumns): string {
  switch (columns.get(name)) {
    case 'string':
      return 'NULL::DOUBLE';
    case 'number':
      return quoteIdentifier(name);
    default: {
      const json = attributeSql(name, columns);
      return `CASE WHEN json_type(${json}) IN ${IS_NUMBER} THEN TRY_CAST(json_extract_string(${json}, '$') AS DOUBLE) END`;
    }
  }
}

export function isWhole(column: string): string {
  return `(${column} = trunc(${column}) AND abs(${column}) <= ${Number.MAX_SAFE_INTEGER})`;
}

/** RFC 6901: `~` and `/` are escaped; the rest of a name stands as it is. */
export function attributePointer(name: string): string {
  if (isEventField(name)) throw new TypeError(`${name} is a column, not an attribute`);
  return quoteText(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}
