/**
 * The serialiser: one record in, one line of flat JSON out.
 *
 * - Nested objects become dotted keys; arrays stay JSON, with objects inside them. Fixed keys come first, in the order of
 *   `EVENT_FIELDS`, the others as given.
 * - A fixed key of the wrong type is converted where that is sane (`"200"` → `200`); else the value is stored beside it,
 *   under `<key>_`. So is a nested field that would fall on what Tailrace itself writes (`{ sampling: { rate: 5 } }` →
 *   `sampling.rate_`). What stands literally under such a key is trusted: neither searched nor cut.
 * - What JSON has no form for becomes text: NaN and infinities, large BigInts, symbols, functions, `[Circular]`,
 *   `[Unreadable: …]` where a getter or a proxy threw. Dates are RFC 3339, maps are objects (or pairs, where a key isn't a
 *   string), buffers only tell their length, errors give code, type, message, causes and their own fields. Half a
 *   surrogate pair becomes U+FFFD. A key that is a bare number gets a `_` before it, and `__proto__` becomes `_proto_`.
 * - What is cut says so: a mark with the original length in its place, the key in `tailrace.truncated`, the number of keys
 *   left out in `tailrace.dropped_keys`.
 *
 * An ordinary event (flat, scalars, short strings) takes a short way: each key is one look-up in a cache of plans, each
 * string one pass, and all of it one `JSON.stringify`. Everything else goes through `EventWalk`.
 */
import type { EventLimits } from '../options.ts';
import type { Redactor } from '../redaction/index.ts';
import { readErrorFields } from './describe-error.ts';
import { type Budget, EventWalk, type WalkSettings } from './event-walk.ts';
import { createEmptyEvent, PROTECTED_FIELDS } from './field-types.ts';
import { createKeyPlanner, DROPPED_KEYS, isTraceId, type KeyPlan, TRUNCATED } from './key-plan.ts';
import { MAX_NODES, READ_CHARS_PER_BYTE, resolveLimits } from './limits.ts';
import { describeThrown, readProperty } from './safe-read.ts';
import { shrinkEvent } from './shrink.ts';
import { readOrUnread } from './unwrap.ts';

export interface SerialiserOptions {
  /** Bounds that differ from `DEFAULT_LIMITS`. */
  readonly limits?: Partial<EventLimits> | undefined;
  /** `undefined` writes values as they are. */
  readonly redactor: Redactor | undefined;
  /** Write the stacks of errors. */
  readonly includeStack: boolean;
}

/** What the serialiser had to do since the start, for metrics. */
export interface SerialiserCounts {
  /** Events in which something was cut or left out. */
  readonly truncatedEvents: number;
  /** Attributes that were cut or left out. */
  readonly truncatedValues: number;
  /** Values that could not be read: a getter that threw, a revoked proxy, a `toJSON` that failed. */
  readonly unreadableValues: number;
}

/** Turns records into lines. Never throws, whatever it is given. */
export interface Serialiser {
  /** One line of flat JSON, without line feed: fixed keys first, in the order of `EVENT_FIELDS`, the rest as given. */
  serialise(record: Readonly<Record<string, unknown>>): string;
  /** The `error.*` keys for anything that was thrown; their values are as found, and redacted when they are serialised. */
  describeError(error: unknown): Record<string, unknown>;
  counts(): SerialiserCounts;
}

const MAX_NAMED = 32;
/** The largest number that can't be a card's. */
const ORDINARY_NUMBER = 1e11;
/** An escape that no backslash escapes: the backslashes before it are pairs, from the first of their run. */
const LONE_SURROGATES = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/**
 * Makes a serialiser.
 *
 * @throws RangeError for a limit that can't be used, naming it.
 * @example
 * ```ts
 * const serialiser = createSerialiser({ redactor: createRedactor(), includeStack: false });
 * serialiser.serialise({ message: 'paid', order: { id: 7 } }); // '{"message":"paid","order.id":7}'
 * ```
 */
export function createSerialiser(options: SerialiserOptions): Serialiser {
  const limits = resolveLimits(options.limits);
  const { redactor, includeStack } = options;
  const planKey = createKeyPlanner(redactor);
  const settings: WalkSettings = { limits, redactor, includeStack, planKey };
  const { stringLength, eventBytes } = limits;
  const maxNamed = Math.min(MAX_NAMED, limits.items);
  let truncatedEvents = 0;
  let truncatedValues = 0;
  let unreadableValues = 0;

  const write = (record: Readonly<Record<string, unknown>>): string => {
    const event = createEmptyEvent();
    const keys = Object.keys(record);
    const budget: Budget = { keys: limits.keys, nodes: MAX_NODES, chars: eventBytes * READ_CHARS_PER_BYTE };
    let walk: EventWalk | undefined;
    for (const key of keys) {
      let value: unknown;
      try {
        value = record[key];
      } catch {
        value = readOrUnread(record, key);
      }
      if (writeOrdinary(event, budget, planKey(key), value)) continue;
      walk ??= new EventWalk(settings, event, budget);
      walk.put(key, value, 0);
    }
    if (walk !== undefined) tell(event, walk.truncated, walk.droppedKeys, walk.unreadable);
    return fit(event);
  };

  /** Strings within their limit and plain numbers, of which an ordinary event is made. False where it takes more. */
  const writeOrdinary = (event: Record<string, unknown>, budget: Budget, plan: KeyPlan, value: unknown): boolean => {
    const isAttribute = plan.fieldType === undefined && !plan.isOwn;
    if (isAttribute && budget.keys <= 0) return false;
    if (typeof value === 'string') {
      if (plan.text === 'walk' || value.length > stringLength || value.length > budget.chars) return false;
      if (redactor === undefined || plan.text === 'trust' || isTraceId(plan, value)) {
        event[plan.key] = value;
      } else {
        budget.chars -= value.length;
        const text = redactor.redactString(value);
        event[plan.key] = text.length <= stringLength ? text : text.slice(0, stringLength);
      }
    } else {
      const isPlain =
        typeof value === 'number' ? isPlainNumber(plan, value) : typeof value === 'boolean' && isAttribute;
      if (!isPlain) return false;
      event[plan.key] = value;
    }
    if (isAttribute) budget.keys -= 1;
    return true;
  };

  const fit = (event: Record<string, unknown>): string => {
    const line = stringify(event);
    if (line.length * 3 <= eventBytes) return line;
    const bytes = Buffer.byteLength(line);
    if (bytes <= eventBytes) return line;
    const { cut, dropped } = shrinkEvent(event, bytes, eventBytes);
    tell(event, cut, dropped, 0);
    return stringify(event);
  };

  const tell = (event: Record<string, unknown>, cut: Iterable<string>, dropped: number, unreadable: number): void => {
    unreadableValues += unreadable;
    const told: unknown = event[TRUNCATED];
    const names = new Set<unknown>(Array.isArray(told) ? told : []);
    const before = names.size;
    for (const key of cut) {
      truncatedValues += 1;
      if (names.size < maxNamed) names.add(key);
    }
    truncatedValues += dropped;
    if (names.size > before) event[TRUNCATED] = [...names];
    const droppedBefore = event[DROPPED_KEYS];
    if (dropped > 0) event[DROPPED_KEYS] = dropped + (typeof droppedBefore === 'number' ? droppedBefore : 0);
    if (names.size > before || dropped > 0) truncatedEvents += 1;
  };

  return {
    serialise: (record) => {
      try {
        return write(record);
      } catch (thrown) {
        unreadableValues += 1;
        return writeBareEvent(record, thrown);
      }
    },
    describeError: (error) => {
      const described: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(readErrorFields(error, includeStack)))
        described[`error.${key}`] = value;
      return described;
    },
    counts: () => ({ truncatedEvents, truncatedValues, unreadableValues }),
  };
}

function isPlainNumber(plan: KeyPlan, value: number): boolean {
  switch (plan.number) {
    case 'small':
      return value < ORDINARY_NUMBER && value > -ORDINARY_NUMBER;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'finite':
      return Number.isFinite(value);
    case 'walk':
      return false;
  }
}

/** `JSON.stringify` escapes half a surrogate pair, which many readers refuse. Long texts are mended the quick way first. */
function stringify(event: Record<string, unknown>): string {
  const line = JSON.stringify(event);
  if (!line.includes('\\ud')) return line;
  for (const [key, value] of Object.entries(event)) {
    if (typeof value === 'string') event[key] = Buffer.from(value).toString();
  }
  return JSON.stringify(event).replace(LONE_SURROGATES, '$1\ufffd');
}

/** What remains where even the record itself can't be read: who, when, and that something was lost. */
function writeBareEvent(record: unknown, thrown: unknown): string {
  const event: Record<string, unknown> = {};
  if (typeof record === 'object' && record !== null) {
    for (const key of [...PROTECTED_FIELDS, 'level', 'service']) {
      const value = readProperty(record, key);
      if (typeof value === 'string' || typeof value === 'number') event[key] = value;
    }
  }
  event.message = `[Unreadable: ${describeThrown(thrown)}]`;
  event[TRUNCATED] = ['*'];
  return JSON.stringify(event);
}
