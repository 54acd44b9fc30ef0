/**
 * From whatever a client sent to an event as the table in ARCHITECTURE.md has it, or a reason why not.
 *
 * Wrong types in known keys are coerced where the meaning is beyond doubt (`"status": "500"`), and refused by name where
 * it isn't. What is missing is filled in. A clock that is far off (before 2000, or more than a day ahead) would hide the
 * event from everybody who looks at "the last 15 minutes" and spread it over odd partitions: such an event gets the time
 * at which it was received, keeps its own under `tailrace.original_timestamp`, and says `tailrace.clock_skew: true`.
 *
 * An event that needs none of that is the same object afterwards; most such events come the short way (plain-event.ts).
 */
import { EVENT_FIELDS, EVENT_SCHEMA, type FieldType, LEVELS, parseEventId } from 'tailrace/event';
import { flatten } from './flatten.ts';
import { parseTimestamp } from './timestamp.ts';

export interface EventIdentity {
  readonly producer: string;
  readonly sequence: number;
}

/** A checked event: `identity` is missing where the client gave none. */
export type CheckedEvent =
  | {
      readonly kind: 'event';
      readonly fields: Record<string, unknown>;
      readonly identity: EventIdentity | undefined;
      readonly timestampMs: number;
    }
  | { readonly kind: 'refused'; readonly reason: string };

const DAY_MS = 86_400_000;
const YEAR_2000_MS = 946_684_800_000;

const FIELD_TYPES: ReadonlyMap<string, FieldType> = new Map(Object.entries(EVENT_FIELDS));
const LEVEL_NAMES: ReadonlySet<string> = new Set(LEVELS);
const LEVEL_ALIASES: ReadonlyMap<string, string> = new Map([
  ['warning', 'warn'],
  ['err', 'error'],
  ['critical', 'fatal'],
  ['crit', 'fatal'],
  ['emergency', 'fatal'],
  ['alert', 'fatal'],
  ['notice', 'info'],
  ['information', 'info'],
  ['verbose', 'debug'],
]);

export function checkEvent(input: unknown, nowMs: number): CheckedEvent {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refused(`is ${describe(input)}, and must be a JSON object`);
  }
  const flat = flatten(input as Record<string, unknown>);
  if (flat.kind === 'refused') return flat;

  const changes = new Map<string, unknown>();
  const { fields } = flat;
  for (const key in fields) {
    const type = FIELD_TYPES.get(key);
    if (type === undefined) continue;
    const value = fields[key];
    if (value === null) {
      changes.set(key, undefined);
      continue;
    }
    if (hasType(value, type)) continue;
    const coerced = coerce(value, type);
    if (coerced === undefined) return refused(`${key} is ${describe(value)}, and must be ${ACCEPTED[type]}`);
    changes.set(key, coerced);
  }
  const current = (key: string): unknown => (changes.has(key) ? changes.get(key) : fields[key]);

  const schema = current('schema');
  if (schema === undefined) changes.set('schema', EVENT_SCHEMA);
  else if (schema !== EVENT_SCHEMA) return refused(`schema is ${describe(schema)}, and must be "${EVENT_SCHEMA}"`);

  const id = current('event_id');
  const identity = typeof id === 'string' ? parseEventId(id) : undefined;
  if (id !== undefined && identity === undefined) {
    return refused(
      `event_id is ${describe(id)}, and must be <producer>-<sequence>: 8 to 32 lower-case letters and digits, a dash, and a number from 1 up; leave it out to get one`,
    );
  }

  const levelFault = checkLevel(current('level'), changes);
  if (levelFault !== undefined) return refused(levelFault);
  const samplingFault = checkSampling(current('sampling.rule'), current('sampling.rate'), changes);
  if (samplingFault !== undefined) return refused(samplingFault);
  if (!isText(current('service'))) {
    const named = fields['service.name'];
    changes.set('service', isText(named) ? named : 'unknown_service');
  }
  const timestampMs = checkTimestamp(current('timestamp'), nowMs, changes);
  if (timestampMs === undefined) {
    return refused(
      `timestamp is ${describe(fields.timestamp)}, and must be RFC 3339 (2026-11-21T09:32:00.000Z) or a number of seconds, ms, µs or ns since 1970`,
    );
  }
  return { kind: 'event', fields: changes.size === 0 ? fields : applyChanges(fields, changes), identity, timestampMs };
}

/** The event with its identity at the head, where every reader of a line looks first. */
export function withIdentity(fields: Record<string, unknown>, eventId: string): Record<string, unknown> {
  return applyChanges(fields, new Map([['event_id', eventId]]));
}

const HEAD_KEYS = ['schema', 'event_id', 'timestamp', 'level', 'service'];

function applyChanges(fields: Record<string, unknown>, changes: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const key of HEAD_KEYS) {
    const value = changes.has(key) ? changes.get(key) : fields[key];
    if (value !== undefined) result[key] = value;
  }
  for (const key in fields) {
    const value = changes.has(key) ? changes.get(key) : fields[key];
    if (value !== undefined) result[key] = value;
  }
  for (const [key, value] of changes) if (value !== undefined) result[key] = value;
  return result;
}

/** True for a time that a working clock can show. */
export function isInTime(ms: number, nowMs: number): boolean {
  return ms >= YEAR_2000_MS && ms <= nowMs + DAY_MS;
}

function checkTimestamp(value: unknown, nowMs: number, changes: Map<string, unknown>): number | undefined {
  if (value === undefined) {
    changes.set('timestamp', new Date(nowMs).toISOString());
    return nowMs;
  }
  const ms = parseTimestamp(value);
  if (ms === undefined) return undefined;
  if (!isInTime(ms, nowMs)) {
    changes.set('timestamp', new Date(nowMs).toISOString());
    changes.set('tailrace.original_timestamp', new Date(ms).toISOString());
    changes.set('tailrace.clock_skew', true);
    return nowMs;
  }
  const canonical = new Date(ms).toISOString();
  if (canonical !== value) changes.set('timestamp', canonical);
  return ms;
}

function checkLevel(value: unknown, changes: Map<string, unknown>): string | undefined {
  if (value === undefined) {
    changes.set('level', 'info');
    return undefined;
  }
  if (typeof value === 'string') {
    if (LEVEL_NAMES.has(value)) return undefined;
    const lower = value.toLowerCase();
    const level = LEVEL_NAMES.has(lower) ? lower : LEVEL_ALIASES.get(lower);
    if (level !== undefined) {
      changes.set('level', level);
      return undefined;
    }
  }
  return `level is ${describe(value)}, and must be one of ${LEVELS.join(', ')}`;
}

function checkSampling(rule: unknown, rate: unknown, changes: Map<string, unknown>): string | undefined {
  if (rate === undefined) changes.set('sampling.rate', 1);
  else if (typeof rate !== 'number' || !(rate > 0 && rate <= 1)) {
    return `sampling.rate is ${describe(rate)}, and must be above 0 and at most 1`;
  }
  if (!isText(rule)) changes.set('sampling.rule', rate === undefined || rate === 1 ? 'UNSAMPLED' : 'UNNAMED');
  return undefined;
}

const ACCEPTED: Readonly<Record<FieldType, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  timestamp: 'an RFC 3339 time',
  json: 'JSON',
};

function hasType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'timestamp':
      return typeof value === 'string' || typeof value === 'number';
    case 'json':
      return true;
  }
}

function coerce(value: unknown, type: FieldType): unknown {
  if (type === 'string') return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  if (type !== 'integer' && type !== 'number') return undefined;
  if (typeof value !== 'string' || !/^-?\d{1,15}(?:\.\d{1,12})?$/.test(value.trim())) return undefined;
  const number = Number(value);
  return hasType(number, type) ? number : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function refused(reason: string): CheckedEvent {
  return { kind: 'refused', reason };
}
