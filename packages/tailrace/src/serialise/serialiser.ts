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
 * An ordinary value (a string within its limit, a plain number) takes a short way: its key is one look-up in a cache of
 * plans, and its text goes straight into the line. Everything else goes through `EventWalk`. A line in which something
 * was cut, or a key may stand twice, is parsed again and mended: then the later value stays in the earlier one's place.
 */
import type { EventLimits } from '../options.ts';
import type { Redactor } from '../redaction/index.ts';
import { readErrorFields } from './describe-error.ts';
import { type Budget, EventWalk, type WalkSettings } from './event-walk.ts';
import { PROTECTED_FIELDS } from './field-types.ts';
import { quote, stringify } from './json-text.ts';
import { createKeyPlanner, DROPPED_KEYS, isTraceId, type KeyPlan, TRUNCATED } from './key-plan.ts';
import { MAX_NODES, READ_CHARS_PER_BYTE, resolveLimits } from './limits.ts';
import { LineText } from './line-text.ts';
import { RawJson } from './raw-json.ts';
import { readScalars } from './read-scalars.ts';
import { describeThrown, readProperty, toText } from './safe-read.ts';
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
  /** A name out of the program's own text (of a step, of a service) as JSON, redacted and bounded; remembered. */
  quoteName(name: string): string;
  counts(): SerialiserCounts;
}

const MAX_NAMED = 32;
/** The largest number that can't be a card's. */
const ORDINARY_NUMBER = 1e11;
/** Longer strings are not remembered: they hardly come twice in a row. */
const MAX_REMEMBERED_CHARS = 64;
/** Names that are remembered as JSON, and the longest that is written whole. */
const MAX_NAMES = 1_000;
const MAX_NAME_CHARS = 256;
/** Keys below one key whose plans are found without putting the path together. */
const MAX_BELOW = 64;

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
  let eventNumber = 0;
  const planKey = createKeyPlanner(redactor, () => {
    eventNumber += 1;
  });
  const planBelow = (plan: KeyPlan, name: string): KeyPlan => {
    const known = plan.below.get(name);
    if (known !== undefined) return known;
    const below = planKey(`${plan.key}.${name}`);
    if (plan.below.size < MAX_BELOW) plan.below.set(name, below);
    return below;
  };
  const settings: WalkSettings = { limits, redactor, includeStack, planKey };
  const names = new Map<string, string>();
  const { stringLength, eventBytes } = limits;
  const maxNamed = Math.min(MAX_NAMED, limits.items);
  let truncatedEvents = 0;
  let truncatedValues = 0;
  let unreadableValues = 0;

  const write = (record: Readonly<Record<string, unknown>>): string => {
    eventNumber += 1;
    const number = eventNumber;
    const line = new LineText(number);
    const budget: Budget = { keys: limits.keys, nodes: MAX_NODES, chars: eventBytes * READ_CHARS_PER_BYTE };
    let walk: EventWalk | undefined;
    const walkOver = (path: string, value: unknown, depth: number): void => {
      walk ??= new EventWalk(settings, line, budget);
      walk.put(path, value, depth);
    };
    for (const key of Object.keys(record)) {
      let value: unknown;
      try {
        value = record[key];
      } catch {
        value = readOrUnread(record, key);
      }
      if (value === undefined) continue;
      const plan = planKey(key);
      if (typeof value !== 'object') {
        if (!writeOrdinary(line, budget, plan, value)) walkOver(key, value, 0);
        continue;
      }
      const raw = RawJson.textOf(value);
      if (raw !== undefined) {
        line.put(plan, raw);
        continue;
      }
      const fields = plan.isAlone && !plan.isProtected ? readScalars(value) : undefined;
      if (fields === undefined) {
        walkOver(key, value, 0);
        continue;
      }
      for (const [name, field] of fields) {
        const below = planBelow(plan, name);
        if (below.isProtected || !writeOrdinary(line, budget, below, field)) walkOver(`${key}.${name}`, field, 1);
      }
    }
    // A getter or a toJSON that logs comes back here, and a cache of plans that was emptied forgets which keys came.
    if (eventNumber !== number) line.noteInterruption();
    return fit(line, walk);
  };

  /** Strings within their limit and plain numbers, of which an ordinary event is made. False where it takes more. */
  const writeOrdinary = (line: LineText, budget: Budget, plan: KeyPlan, value: unknown): boolean => {
    const isAttribute = plan.fieldType === undefined && !plan.isOwn;
    if (isAttribute && budget.keys <= 0) return false;
    if (typeof value === 'string') {
      if (value === plan.lastText) {
        line.put(plan, plan.lastFragment);
      } else {
        if (plan.text === 'walk' || value.length > stringLength || value.length > budget.chars) return false;
        let text = value;
        if (redactor !== undefined && plan.text !== 'trust' && !isTraceId(plan, value)) {
          budget.chars -= value.length;
          text = redactor.redactString(value);
          if (text.length > stringLength) text = text.slice(0, stringLength);
        }
        const fragment = quote(text);
        if (text === value && text.length <= MAX_REMEMBERED_CHARS) {
          plan.lastText = text;
          plan.lastFragment = fragment;
        }
        line.put(plan, fragment);
      }
    } else {
      const isPlain =
        typeof value === 'number' ? isPlainNumber(plan, value) : typeof value === 'boolean' && isAttribute;
      if (!isPlain) return false;
      line.put(plan, `${value}`);
    }
    if (isAttribute) budget.keys -= 1;
    return true;
  };

  /** The line, as it is where it is in order; else parsed again, to be cut to its bytes and to tell what was cut. */
  const fit = (line: LineText, walk: EventWalk | undefined): string => {
    const text = line.toString();
    const isFitting = text.length * 3 <= eventBytes || Buffer.byteLength(text) <= eventBytes;
    const isCut = walk !== undefined && (walk.truncated.size > 0 || walk.droppedKeys > 0);
    unreadableValues += walk?.unreadable ?? 0;
    if (isFitting && !isCut && !line.isAmbiguous) return text;
    const event: Record<string, unknown> = JSON.parse(text);
    if (walk !== undefined) tell(event, walk.truncated, walk.droppedKeys);
    const whole = stringify(event);
    const bytes = Buffer.byteLength(whole);
    if (bytes <= eventBytes) return whole;
    const { cut, dropped } = shrinkEvent(event, bytes, eventBytes);
    tell(event, cut, dropped);
    return stringify(event);
  };

  const tell = (event: Record<string, unknown>, cut: Iterable<string>, dropped: number): void => {
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
    quoteName(name) {
      const known = names.get(name);
      if (known !== undefined) return known;
      const text = toText(name);
      const cut =
        text.length <= MAX_NAME_CHARS ? text : `${text.slice(0, MAX_NAME_CHARS)}…[cut: ${text.length} characters]`;
      const quoted = quote(redactor?.redactString(cut) ?? cut);
      if (names.size >= MAX_NAMES) names.clear();
      if (cut === name) names.set(name, quoted);
      return quoted;
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
  return stringify(event);
}
