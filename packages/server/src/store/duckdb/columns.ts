/** The columns of the embedded store, and how a line of JSON becomes a row. */
import { EVENT_FIELDS, type EventField, type FieldType } from 'tailrace/event';
import { quoteIdentifier, quoteText } from '../../query/sql-text.ts';

const SQL_TYPES: Readonly<Record<FieldType, string>> = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
};

const FIELDS = Object.entries(EVENT_FIELDS);

/** Every column, for a SELECT: the known fields, then what is left of the event as JSON. */
export const ALL_COLUMNS = [...FIELDS.map(([name]) => quoteIdentifier(name)), 'attributes'].join(', ');

export function createHotTableSql(table: string): string {
  const columns = FIELDS.map(([name, type]) => `${quoteIdentifier(name)} ${SQL_TYPES[type]}`);
  return `CREATE TABLE ${table} (${columns.join(', ')}, attributes JSON)`;
}

/**
 * Reads a file of rows into a table: on each line the known fields, and `attributes` with the others. DuckDB passes over
 * each line once, in its own threads. With `ignore_errors` a value that doesn't fit its column is read as missing; a line that
 * is no JSON would be a row without values, but these were written by `JSON.stringify` a moment ago. Each of its threads
 * makes buffers of twice the longest line that it is told of, so it is told what is true.
 *
 * @param longestRow - UTF-16 units of the longest line
 */
export function insertRowsSql(table: string, file: string, longestRow: number): string {
  const types = FIELDS.map(([name, type]) => `${quoteText(name)}: ${quoteText(SQL_TYPES[type])}`);
  return (
    `INSERT INTO ${table} SELECT * FROM read_json(${quoteText(file)}, format = 'newline_delimited', auto_detect = false, ` +
    `columns = {${types.join(', ')}, 'attributes': 'JSON'}, ignore_errors = true, maximum_object_size = ${Math.max(MIN_LINE_BYTES, longestRow * 3)})`
  );
}

const MIN_LINE_BYTES = 1024 * 1024;

/** The known fields of an event as one JSON text, for {@link readEvent}. */
export const EVENT_JSON_SQL = `to_json({${FIELDS.map(([name, type]) => `${quoteText(name)}: ${fieldSql(name, type)}`).join(', ')}})`;

function fieldSql(name: string, type: FieldType): string {
  return type === 'timestamp' ? `strftime(${quoteIdentifier(name)}, '%Y-%m-%dT%H:%M:%S.%gZ')` : quoteIdentifier(name);
}

/** The event again, from its known fields and its attributes: only the keys that it had. */
export function readEvent(fixedJson: string, attributesJson: string | null): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parseObject(fixedJson))) if (value !== null) event[name] = value;
  if (attributesJson === null) return event;
  for (const [name, value] of Object.entries(parseObject(attributesJson))) {
    // Assigning `__proto__` would set the prototype instead of a key.
    if (name === '__proto__')
      Object.defineProperty(event, name, { value, enumerable: true, configurable: true, writable: true });
    else event[name] = value;
  }
  return event;
}

function parseObject(json: string): object {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? value : {};
}

export function isKnownField(name: string): name is EventField {
  return Object.hasOwn(EVENT_FIELDS, name);
}
