/** The columns of the events in ClickHouse's SQL, and values as bound parameters. */
import { ELEMENT_SEPARATOR } from 'tailrace/sinks/clickhouse';
import { isEventField, knownFieldType } from '../../query/search-node.ts';

/** The type of a parameter in ClickHouse. */
type ParameterType = 'String' | 'Float64' | 'Int64' | 'UInt64' | 'Array(String)';

/** The values of one statement: `{p0:String}` in its text, `p0` in what is sent beside it. Nothing is pasted. */
export class Parameters {
  readonly values: Record<string, unknown> = {};
  readonly #names = new Map<string, string>();

  bind(value: unknown, type: ParameterType): string {
    const key = `${type} ${typeof value === 'object' ? JSON.stringify(value) : value}`;
    const name = this.#names.get(key) ?? `p${this.#names.size}`;
    this.#names.set(key, name);
    this.values[name] = value;
    return `{${name}:${type}}`;
  }

  /** Texts without a NUL. */
  texts(values: readonly string[]): string {
    return this.bind(
      values.map((value) => value.toWellFormed()),
      'Array(String)',
    );
  }

  /** A NUL may end a text on its way, so the text is put together around it. */
  text(value: string): string {
    const parts = value
      .toWellFormed()
      .split('\0')
      .map((part) => this.bind(part, 'String'));
    return parts.length === 1 ? parts.join() : `concat(${parts.join(', char(0), ')})`;
  }

  number(value: number): string {
    return this.bind(value, 'Float64');
  }
}

export interface Columns {
  readonly parameters: Parameters;
  /** The columns of promoted attributes, by the attribute. */
  readonly promoted: ReadonlyMap<string, string>;
}

/** The name of a known field. It comes from the table of fields, never from a user. */
export function columnName(field: string): string {
  if (!isEventField(field)) throw new TypeError(`${field} is an attribute, and no column`);
  return `"${field}"`;
}

/** The JSON text of an attribute, empty where the event doesn't have it. */
export function attributeSql(name: string, { parameters, promoted }: Columns): string {
  return promoted.get(name) ?? `attributes[${parameters.text(name)}]`;
}

/** A known field, NULL where the event doesn't have it. */
export function columnSql(field: string): string {
  const column = columnName(field);
  return field === 'service' || field === 'event_id' ? `nullIf(CAST(${column} AS String), '')` : column;
}

/** What a field is grouped by; an attribute's value as JSON, so that 5 and "5" stay apart. */
export function groupSql(field: string, columns: Columns): string {
  switch (knownFieldType(field)) {
    case undefined: {
      const value = attributeSql(field, columns);
      return `if(${value} IN ('', 'null'), NULL, ${value})`;
    }
    case 'timestamp':
      return timeTextSql(columnName(field));
    case 'integer':
      return `toFloat64(${columnName(field)})`;
    case 'string':
      // A dictionary of words is of no use once the words are grouped, and not every function takes one.
      return `CAST(${columnSql(field)} AS Nullable(String))`;
    default:
      return columnName(field);
  }
}

/** The value of a field where it is a number. Texts begin with a quotation mark, so they read as none. */
export function numberSql(field: string, columns: Columns): string {
  const type = knownFieldType(field);
  if (type === undefined) return `toFloat64OrNull(${attributeSql(field, columns)})`;
  return type === 'integer' ? `toFloat64(${columnName(field)})` : columnName(field);
}

/** RFC 3339, UTC, milliseconds. */
export function timeTextSql(time: string): string {
  return `concat(replaceOne(toString(${time}), ' ', 'T'), 'Z')`;
}

/** A time as a value of the column `timestamp`. */
export function timestampSql(ms: number, parameters: Parameters): string {
  return `fromUnixTimestamp64Milli(${parameters.bind(Math.round(ms), 'Int64')}, 'UTC')`;
}

/** The elements of an array, each as its JSON text. */
export function elementsSql(json: string): string {
  return `splitByString(${SEPARATOR}, substring(${json}, 2, length(${json}) - 2))`;
}

/** JSON as any other writer writes it. */
export function plainJsonSql(json: string): string {
  return `replaceAll(${json}, ${SEPARATOR}, ',')`;
}

const SEPARATOR = `'${ELEMENT_SEPARATOR.replace('\n', '\\n')}'`;

/** Tells a group from all others, a missing value from the text "null" too, in characters that need no quoting. */
export function groupHash(keys: readonly string[]): string {
  return keys.length === 0 ? "''" : `hex(sipHash128(toJSONString(tuple(${keys.join(', ')}))))`;
}
