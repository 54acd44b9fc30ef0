import { isUnread, readOrUnread, unwrap } from './unwrap.ts';

/** More fields than these are never of use, since an event is bounded; what is over is counted by the caller. */
const MAX_FIELDS = 4096;

/**
 * Copies the own fields of `source` into `target`, one level deep, and survives whatever `source` is: a getter that
 * throws leaves a mark, a map gives its entries, a key like `__proto__` becomes a plain field of another name, and what
 * has no fields is stored as `value`, and an error as `error`.
 */
export function assignFields(target: Record<string, unknown>, source: unknown): void {
  if (source === undefined || source === null) return;
  if (typeof source !== 'object') {
    target.value = source;
    return;
  }
  if (assignPlain(target, source as Readonly<Record<string, unknown>>)) return;
  const unwrapped = unwrap(source, MAX_FIELDS, false);
  switch (unwrapped.kind) {
    case 'fields':
      for (const key of unwrapped.keys.slice(0, MAX_FIELDS)) assign(target, key, readOrUnread(source, key));
      return;
    case 'entries':
      for (const [key, value] of unwrapped.entries) assign(target, key, value);
      return;
    case 'error':
      target.error = source;
      return;
    case 'unreadable':
      target.unreadable = unwrapped.reason;
      return;
    default:
      target.value = source;
  }
}

/** Nearly all that comes is a plain object of a few fields, none of which throws. False where it takes more than a copy. */
function assignPlain(target: Record<string, unknown>, source: Readonly<Record<string, unknown>>): boolean {
  try {
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype !== Object.prototype && prototype !== null) return false;
    const keys = Object.keys(source);
    if (keys.length === 0 || keys.length > MAX_FIELDS) return false;
    for (const key of keys) {
      if (key === '__proto__') return false;
      target[key] = source[key];
    }
    return true;
  } catch {
    return false;
  }
}

function assign(target: Record<string, unknown>, key: string, value: unknown): void {
  const name = key === '__proto__' ? '_proto_' : key;
  target[name] = isUnread(value) ? `[Unreadable: ${value.reason}]` : value;
}
