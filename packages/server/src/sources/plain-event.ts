/**
 * The short way for an event that needs no change: flat, of the right types, complete, and without a secret in it. Nearly
 * all are, since the libraries see to it. One pass over the keys checks all of that and takes the event apart for the
 * store; at the first thing that is not as it should be, the pass ends, and the event goes the long way (event-line.ts,
 * the redactor), which knows what to do about it. Both ways come to the same line.
 */
import { EVENT_FIELDS, EVENT_SCHEMA, type FieldType, LEVELS, parseEventId } from 'tailrace/event';
import type { Redactor } from 'tailrace/redaction';
import { type EventRow, RowMaker } from '../store/event-row.ts';
import { type EventIdentity, isInTime } from './event-line.ts';
import { FLATTEN_LIMITS, isWithinDepth } from './flatten.ts';

export interface PlainEvent {
  readonly identity: EventIdentity;
  readonly timestampMs: number;
  readonly row: EventRow;
}

export type ReadPlainEvent = (event: Readonly<Record<string, unknown>>, nowMs: number) => PlainEvent | undefined;

/** What is known of a key, whatever its value. */
interface Key {
  readonly path: string;
  readonly type: FieldType | undefined;
  /** True where Tailrace itself writes the value, and no user's text can stand in it. */
  readonly isTrusted: boolean;
  readonly isMeasure: boolean;
  /** True where the event goes the long way because of the key alone. */
  readonly isSuspect: boolean;
  /** Some values in which nothing was found: most keys have few. */
  readonly cleanValues: Set<string>;
  /** The keys of objects in an array. */
  readonly inItems: Map<string, Key>;
}

const TRUSTED = new Set(['schema', 'event_id', 'timestamp', 'level', 'sampling.rule', 'sampling.rate']);
const TYPES: ReadonlyMap<string, FieldType> = new Map(Object.entries(EVENT_FIELDS));
const LEVEL_NAMES: ReadonlySet<unknown> = new Set(LEVELS);
const MAX_KEYS = 4096;
const MAX_CLEAN_VALUES = 64;
const MAX_CLEAN_LENGTH = 64;
/** What these keys hold by the standard of trace contexts is looked for by nobody, and looks like a token or number. */
const TRACE_IDS: ReadonlyMap<string, RegExp> = new Map([
  ['trace_id', /^[0-9a-f]{32}$/],
  ['span_id', /^[0-9a-f]{16}$/],
  ['parent_span_id', /^[0-9a-f]{16}$/],
]);

/** @param redactor - `undefined` where redaction was switched off */
export function createPlainReader(redactor: Redactor | undefined): ReadPlainEvent {
  const keys = new Map<string, Key>();

  function learn(path: string, name: string, known: Map<string, Key>): Key {
    const isTrusted = TRUSTED.has(path) || redactor === undefined;
    const decision = redactor?.decide(path);
    const key: Key = {
      path,
      type: TYPES.get(path),
      isTrusted,
      isMeasure: decision?.isMeasure === true,
      isSuspect:
        name === '' ||
        name === '__proto__' ||
        path.length > FLATTEN_LIMITS.keyLength ||
        (decision !== undefined && decision.key !== path) ||
        (!isTrusted && decision?.kind !== undefined),
      cleanValues: new Set(),
      inItems: new Map(),
    };
    if (known.size >= MAX_KEYS) known.clear();
    known.set(name, key);
    return key;
  }

  function isCleanText(key: Key, text: string): boolean {
    if (key.isTrusted || key.cleanValues.has(text)) return true;
    if (TRACE_IDS.get(key.path)?.test(text)) return true;
    if (redactor?.redactString(text) !== text) return false;
    if (key.cleanValues.size < MAX_CLEAN_VALUES && text.length <= MAX_CLEAN_LENGTH) key.cleanValues.add(text);
    return true;
  }

  function isCleanScalar(key: Key, value: unknown): boolean {
    if (typeof value === 'string') return isCleanText(key, value);
    if (typeof value === 'number') return key.isTrusted || key.isMeasure || redactor?.redactNumber(value) === value;
    return typeof value === 'boolean' || value === null;
  }

  /** An array of objects that hold scalars, as `steps` is; `false` where it is another one, or not clean. */
  function areCleanItems(key: Key, items: readonly unknown[]): boolean {
    for (const item of items) {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
      for (const [name, value] of Object.entries(item)) {
        const inner = key.inItems.get(name) ?? learn(`${key.path}[].${name}`, name, key.inItems);
        if (inner.isSuspect || !isCleanScalar(inner, value)) return false;
      }
    }
    return true;
  }

  function isClean(key: Key, value: unknown): boolean {
    if (value === null) return key.type === undefined;
    if (typeof value !== 'object') return isCleanScalar(key, value);
    if (!Array.isArray(value) || !isWithinDepth(value)) return false;
    if (redactor === undefined || areCleanItems(key, value)) return true;
    const alone = { [key.path]: value };
    return redactor.redactEvent(alone) === alone;
  }

  return (event, nowMs) => {
    const row = new RowMaker();
    let count = 0;
    for (const name in event) {
      const key = keys.get(name) ?? learn(name, name, keys);
      if (key.isSuspect) return undefined;
      const value = event[name];
      if (!isClean(key, value)) return undefined;
      if (key.type === undefined) row.addAttribute(name, value);
      else if (hasPlainType(value, key.type)) row.addKnown(name, value);
      else return undefined;
      count += 1;
      if (count > FLATTEN_LIMITS.keys) return undefined;
    }
    const { schema, event_id: id, timestamp, level, service } = event;
    if (schema !== EVENT_SCHEMA || typeof id !== 'string' || typeof timestamp !== 'string') return undefined;
    if (!LEVEL_NAMES.has(level) || typeof service !== 'string' || service === '') return undefined;
    const rule = event['sampling.rule'];
    const rate = event['sampling.rate'];
    if (typeof rule !== 'string' || rule === '' || typeof rate !== 'number' || !(rate > 0 && rate <= 1))
      return undefined;
    const identity = parseEventId(id);
    const timestampMs = readCanonicalTime(timestamp);
    if (identity === undefined || timestampMs === undefined || !isInTime(timestampMs, nowMs)) return undefined;
    return { identity, timestampMs, row: row.finish() };
  };
}

function hasPlainType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
    case 'timestamp':
      return typeof value === 'string';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'json':
      return true;
  }
}

const CANONICAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
let lastText = '';
let lastMs = 0;

/** Events come in the order of their times, so the one before has often the same. */
function readCanonicalTime(text: string): number | undefined {
  if (text === lastText) return lastMs;
  if (!CANONICAL_TIME.test(text)) return undefined;
  const ms = Date.parse(text);
  // The thirtieth of February is read as a day in March.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text) return undefined;
  lastText = text;
  lastMs = ms;
  return ms;
}
