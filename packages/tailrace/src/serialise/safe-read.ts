import { types } from 'node:util';

/** Reading from values that may throw, lie or answer with another such value. Nothing in here throws. */

/** A property, `undefined` where it can't be read. */
export function readProperty(source: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(source, key);
  } catch {
    return undefined;
  }
}

/** A few words about whatever was thrown while reading. */
export function describeThrown(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null) {
    const message = readProperty(thrown, 'message');
    return typeof message === 'string' ? message.slice(0, 200) : 'no message';
  }
  return toText(thrown).slice(0, 200);
}

/** A primitive as text. */
export function toText(value: unknown): string {
  switch (typeof value) {
    case 'symbol':
      return value.toString();
    case 'string':
      return value;
    case 'object':
    case 'function':
      return value === null ? 'null' : `[${nameOfClass(value) ?? typeof value}]`;
    default:
      return String(value);
  }
}

/** The name of the class of an object, `undefined` for plain ones and where it can't be told. */
export function nameOfClass(value: object): string | undefined {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) return undefined;
    const maker = readProperty(prototype, 'constructor');
    const name = typeof maker === 'function' ? readProperty(maker, 'name') : undefined;
    return typeof name === 'string' && name !== '' && name !== 'Object' ? name.slice(0, 100) : undefined;
  } catch {
    return undefined;
  }
}

/** True for errors, also those of other realms; false where it can't be told. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false;
  }
}
