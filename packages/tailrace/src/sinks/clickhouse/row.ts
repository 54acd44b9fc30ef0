/**
 * How an event becomes a row: the known fields are columns, and every other field is an entry of the map `attributes`, from its
 * name to its value as JSON. So 5 and "5" stay apart, and an event comes back with the values that it had.
 *
 * A known field whose value doesn't fit its column is kept among the attributes: a search reads it as missing, and the event
 * comes back with it. Times that ClickHouse's DateTime64 can't tell are put at its nearest end, and kept the same way.
 */
import { EVENT_FIELDS, type EventField, type FieldType } from '../../event.ts';

/** A row as JSONEachRow takes it. */
export type ClickHouseRow = Readonly<Record<string, unknown>>;

const MIN_MS = Date.UTC(1900, 0, 1);
const MAX_MS = Date.UTC(2299, 11, 31, 23, 59, 59, 999);

export function toRow(event: Readonly<Record<string, unknown>>): ClickHouseRow {
  const row: Record<string, unknown> = {};
  // Without a prototype: a field may be named `__proto__`.
  const attributes: Record<string, string> = Object.create(null);
  for (const name in event) {
    const value = event[name];
    const column = isField(name) ? toColumn(value, EVENT_FIELDS[name]) : undefined;
    if (column !== undefined) row[name] = column;
    else if (value !== undefined && !(value === null && isField(name)))
      attributes[name.toWellFormed()] = jsonText(value);
  }
  const timestamp = typeof event.timestamp === 'string' ? Date.parse(event.timestamp) : Number.NaN;
  row.timestamp = timeText(Math.min(MAX_MS, Math.max(MIN_MS, Number.isNaN(timestamp) ? 0 : timestamp)));
  if (!(timestamp >= MIN_MS && timestamp <= MAX_MS)) attributes.timestamp = jsonText(event.timestamp ?? null);
  row.attributes = attributes;
  return row;
}

/** The value as its column takes it, `undefined` where it doesn't fit. */
function toColumn(value: unknown, type: FieldType): unknown {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value.toWellFormed() : undefined;
    case 'integer':
      return Number.isSafeInteger(value) ? value : undefined;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'timestamp':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined;
    case 'json':
      return value === null || value === undefined ? undefined : jsonText(value);
  }
}

/** `2026-11-21 09:32:00.000`, which every version of ClickHouse reads, whatever its settings. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, -1);
}

/** Between the elements of an array. JSON text has no line feed of its own, so a query can take the array apart by it. */
export const ELEMENT_SEPARATOR = ',\n';

/**
 * A value as JSON, one text for one value: what a query compares it with. Numbers are written as other databases write them
 * (`1e21`), and half a surrogate pair, which is no text and would fail the whole insert, is replaced.
 */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(nestedText).join(ELEMENT_SEPARATOR)}]`;
  return nestedText(value);
}

function nestedText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.toWellFormed());
    case 'number':
      return Number.isFinite(value) ? String(value === 0 ? 0 : value).replace('e+', 'e') : 'null';
    case 'boolean':
      return String(value);
    case 'object':
      if (Array.isArray(value)) return `[${value.map(nestedText).join(',')}]`;
      if (value === null) return 'null';
      return `{${Object.entries(value)
        .map(([key, member]) => `${nestedText(key)}:${nestedText(member)}`)
        .join(',')}}`;
    default:
      return 'null';
  }
}

function isField(name: string): name is EventField {
  return Object.hasOwn(EVENT_FIELDS, name);
}
