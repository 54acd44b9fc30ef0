import { types } from 'node:util';
import { describeThrown, nameOfClass } from './safe-read.ts';

/** What an object amounts to in JSON: a scalar, a list, or fields. */
export type Unwrapped =
  | { readonly kind: 'scalar'; readonly value: unknown }
  | { readonly kind: 'items'; readonly items: readonly unknown[]; readonly length: number }
  | { readonly kind: 'fields'; readonly source: object; readonly keys: readonly string[] }
  | { readonly kind: 'entries'; readonly entries: readonly (readonly [string, unknown])[]; readonly size: number }
  | { readonly kind: 'error'; readonly error: object }
  /** What `toJSON` answered; not asked for its own `toJSON` again. */
  | { readonly kind: 'other'; readonly value: unknown }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Looks at an object without trusting it; reads at most `maxItems` of a list, a set or a map. */
export function unwrap(value: object, maxItems: number, useToJson: boolean): Unwrapped {
  try {
    return unwrapTrusting(value, maxItems, useToJson);
  } catch (thrown) {
    return { kind: 'unreadable', reason: describeThrown(thrown) };
  }
}

function unwrapTrusting(value: object, maxItems: number, useToJson: boolean): Unwrapped {
  if (Array.isArray(value)) {
    const length = Number(value.length);
    const items: unknown[] = [];
    for (let i = 0; i < Math.min(length, maxItems); i += 1) items.push(readItem(value, i));
    return { kind: 'items', items, length };
  }
  if (!isPlain(value)) {
    if (types.isNativeError(value) || value instanceof Error) return { kind: 'error', error: value };
    const known = unwrapBuiltIn(value, maxItems);
    if (known !== undefined) return known;
  }
  if (useToJson) {
    const toJson: unknown = Reflect.get(value, 'toJSON');
    if (typeof toJson === 'function') {
      try {
        return { kind: 'other', value: Reflect.apply(toJson, value, ['']) };
      } catch (thrown) {
        return { kind: 'unreadable', reason: `toJSON: ${describeThrown(thrown)}` };
      }
    }
  }
  const keys = ownKeys(value);
  const name = keys.length === 0 ? nameOfClass(value) : undefined;
  return name === undefined ? { kind: 'fields', source: value, keys } : { kind: 'scalar', value: `[${name}]` };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

class Unread {
  readonly #reason: string;
  constructor(reason: string) {
    this.#reason = reason;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Asked by the private field, since `instanceof` would ask the value's prototype, and a proxy may throw there. */
  static isOne(value: object): value is Unread {
    return #reason in value;
  }
}

/** Stands for a property that could not be read. */
export function isUnread(value: unknown): value is Unread {
  return typeof value === 'object' && value !== null && Unread.isOne(value);
}

function readItem(items: readonly unknown[], index: number): unknown {
  return readOrUnread(items, String(index));
}

/** A property, or what says why it could not be read. */
export function readOrUnread(source: object, key: string): unknown {
  try {
    return Reflect.get(source, key);
  } catch (thrown) {
    return new Unread(describeThrown(thrown));
  }
}

/** Own enumerable string keys. A proxy is asked once for its keys, and not once more for each of them. */
function ownKeys(value: object): readonly string[] {
  if (!types.isProxy(value)) return Object.keys(value);
  return Reflect.ownKeys(value).filter((key) => typeof key === 'string');
}

function unwrapBuiltIn(value: object, maxItems: number): Unwrapped | undefined {
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value);
    return scalar(Number.isNaN(time) ? 'Invalid Date' : new Date(time).toISOString());
  }
  if (types.isMap(value)) return unwrapMap(value, maxItems);
  if (types.isSet(value)) {
    const items = firstOf(Set.prototype.values.call(value), maxItems);
    return { kind: 'items', items, length: sizeOf(Set.prototype, value, items.length) };
  }
  if (types.isRegExp(value)) return scalar(`/${value.source}/${value.flags}`);
  if (value instanceof URL) return scalar(value.href);
  if (value instanceof URLSearchParams) return scalar(value.toString());
  if (types.isBoxedPrimitive(value)) return { kind: 'scalar', value: unbox(value) };
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value)) {
    return scalar(`[${nameOfClass(value) ?? 'ArrayBuffer'}: ${value.byteLength} bytes]`);
  }
  if (types.isPromise(value)) return scalar('[Promise]');
  if (types.isWeakMap(value) || types.isWeakSet(value)) return scalar(`[${nameOfClass(value) ?? 'WeakMap'}]`);
  if (types.isGeneratorObject(value)) return scalar('[Generator]');
  if (value instanceof WeakRef) return scalar('[WeakRef]');
  return undefined;
}

function scalar(value: string): Unwrapped {
  return { kind: 'scalar', value };
}

function unbox(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return Symbol.prototype.valueOf.call(value);
}

/** A map whose keys are all strings or numbers is written as fields, another one as pairs. */
function unwrapMap(value: Map<unknown, unknown>, maxItems: number): Unwrapped {
  const pairs = firstOf(Map.prototype.entries.call(value), maxItems);
  const size = sizeOf(Map.prototype, value, pairs.length);
  const entries: [string, unknown][] = [];
  for (const [key, item] of pairs) {
    if (typeof key !== 'string' && typeof key !== 'number') return { kind: 'items', items: pairs, length: size };
    entries.push([String(key), item]);
  }
  return { kind: 'entries', entries, size };
}

function firstOf<T>(iterator: IterableIterator<T>, max: number): T[] {
  const items: T[] = [];
  for (const item of iterator) {
    if (items.length >= max) break;
    items.push(item);
  }
  return items;
}

/** The size as the built-in tells it, though a subclass may answer otherwise. */
function sizeOf(prototype: object, value: object, fallback: number): number {
  const size: unknown = Reflect.get(prototype, 'size', value);
  return typeof size === 'number' ? size : fallback;
}
