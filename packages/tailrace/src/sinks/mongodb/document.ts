/**
 * An event as a document of MongoDB, and back.
 *
 *   { _id: '0mb1x9k3fqz7a-42',                    the event's id: the same event can't be there twice
 *     timestamp: ISODate('…'), level: 'error', service: 'payments', …,
 *     error: { code: 'CARD_EXPIRED', … }, user: { … }, sampling: { rule, rate },
 *     attributes: { 'payment%2Eamount': 129000, … },
 *     text: ['카드 한도 초과', 'payments', …] }
 *
 * A known field lies at the path that is its name (`error.code`), so that people's own queries read as one would write
 * them; the others lie in `attributes`, their names escaped (field-names.ts). `text` holds what free text is looked for in,
 * its case folded: MongoDB has no way of folding that would be that of the other stores. Values keep their types; JSON that
 * is nested deeper than MongoDB likes is kept as its text.
 */
import { EVENT_FIELDS, type EventField, type FieldType } from '../../event.ts';
import { foldCase, searchText } from '../../search-text.ts';
import { escapeName, unescapeName } from './field-names.ts';

export interface EventDocument {
  readonly _id: string;
  readonly timestamp: Date;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly text: readonly string[];
  readonly [field: string]: unknown;
}

type Event = Readonly<Record<string, unknown>>;

/** The known fields in which free text is looked for; the id is searched as `_id`. */
const TEXT_FIELDS: ReadonlySet<string> = new Set(
  Object.entries(EVENT_FIELDS)
    .filter(([name, type]) => type === 'string' && name !== 'schema' && !name.startsWith('sampling.'))
    .map(([name]) => name),
);

const KNOWN = Object.entries(EVENT_FIELDS);
/** MongoDB takes documents 100 deep. */
const MAX_DEPTH = 60;
/** No escaped name: a `%` is followed by two digits there. */
const AS_TEXT = '%json';

/** Where a field lies in a document. */
export function pathOf(field: string): string {
  if (field === 'event_id') return '_id';
  return Object.hasOwn(EVENT_FIELDS, field) ? field : `attributes.${escapeName(field)}`;
}

/** @returns undefined where the event has no id, or no time that can be read. */
export function toDocument(event: Event): EventDocument | undefined {
  const { event_id: id } = event;
  const time = typeof event.timestamp === 'string' ? new Date(event.timestamp) : undefined;
  if (typeof id !== 'string' || id === '' || time === undefined || Number.isNaN(time.getTime())) return undefined;
  const document: { _id: string; timestamp: Date; [field: string]: unknown } = { _id: id, timestamp: time };
  const attributes: Record<string, unknown> = {};
  const texts = new Set<string>();
  for (const name of Object.keys(event)) {
    if (name === 'event_id' || name === 'timestamp') continue;
    const value = event[name];
    const type = Object.hasOwn(EVENT_FIELDS, name) ? EVENT_FIELDS[name as EventField] : undefined;
    if (type === undefined) {
      attributes[escapeName(name)] = toBson(value, 1);
      if (value !== null) texts.add(foldCase(searchText(value)));
    } else if (fits(value, type)) {
      setPath(document, name, toBson(value, 1));
      if (TEXT_FIELDS.has(name) && typeof value === 'string') texts.add(foldCase(value));
    } else if (value !== null) {
      // It can't be compared as what the field is; it is kept all the same.
      attributes[escapeName(name)] = toBson(value, 1);
    }
  }
  texts.delete('');
  return Object.assign(document, { attributes, text: [...texts] });
}

/** The event again, its known fields first. */
export function toEvent(document: Event): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const [name] of KNOWN) {
    const value = name === 'event_id' ? document._id : valueAt(document, name);
    if (value !== undefined) event[name] = fromBson(value);
  }
  const { attributes } = document;
  if (isObject(attributes)) addMembers(event, attributes);
  return event;
}

/** A value as it is in an event, from one of a document: also where a pipeline has given it back on its own. */
export function fromBson(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(fromBson);
  if (!isObject(value)) return value;
  const text = value[AS_TEXT];
  if (typeof text === 'string') return JSON.parse(text);
  return addMembers({}, value);
}

function toBson(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return { [AS_TEXT]: JSON.stringify(value) };
  if (Array.isArray(value)) return value.map((element) => toBson(element, depth + 1));
  const members: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) members[escapeName(name)] = toBson(member, depth + 1);
  return members;
}

function addMembers(target: Record<string, unknown>, members: Event): Record<string, unknown> {
  for (const [escaped, member] of Object.entries(members)) {
    const name = unescapeName(escaped);
    const value = fromBson(member);
    // Assigning `__proto__` would set the prototype instead of a key.
    if (name === '__proto__')
      Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
    else target[name] = value;
  }
  return target;
}

function fits(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'number':
      return typeof value === 'number';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'json':
      return value !== null;
    case 'timestamp':
      return false;
  }
}

/** Only the known fields have a path, of one or two names. What stands in the document already is its own. */
function setPath(document: Record<string, unknown>, path: string, value: unknown): void {
  const dot = path.indexOf('.');
  if (dot === -1) {
    document[path] = value;
    return;
  }
  const outer = path.slice(0, dot);
  const inner = document[outer];
  if (isObject(inner)) Reflect.set(inner, path.slice(dot + 1), value);
  else document[outer] = { [path.slice(dot + 1)]: value };
}

function valueAt(document: Event, path: string): unknown {
  const dot = path.indexOf('.');
  if (dot === -1) return document[path];
  const inner = document[path.slice(0, dot)];
  return isObject(inner) ? inner[path.slice(dot + 1)] : undefined;
}

function isObject(value: unknown): value is Event {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
