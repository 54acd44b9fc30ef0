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

/** Half a surrogate pair is no text, and would fail the whole insert. `stringify` writes such a half as an escape. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  if (!text.includes('\\ud')) return text;
  return text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? '\ufffd' : found));
}

function isField(name: string): name is EventField {
  return Object.hasOwn(EVENT_FIELDS, name);
}
