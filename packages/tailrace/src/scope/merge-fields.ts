import { assignFields } from '../serialise/index.ts';

/**
 * A record that begins with the fields of `base`. Without a prototype V8 keeps it as a table from the start: fields of any
 * name go in at half the cost, where a plain object would change its hidden class with each of them.
 */
export function newRecord(base: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const key in base) record[key] = base[key];
  return record;
}

/** More are left to the serialiser's copying, which is bounded. */
const MANY_KEYS = 1_000;

/**
 * Adds fields to a record. Of two values for one key the later one stays, but two plain objects are put together, one
 * level deep: `set({ user: { id } })` and a later `set({ user: { role } })` are both told.
 */
export function mergeFields(target: Record<string, unknown>, source: unknown): void {
  // Nearly all that comes is a plain object, and is copied in one go. Whatever else it is, and whatever it throws, is for
  // the serialiser's own copying, which takes anything.
  if (!isPlainObject(source) || !copyPlain(target, source)) assignFields(target, source);
}

function copyPlain(target: Record<string, unknown>, source: Record<string, unknown>): boolean {
  try {
    const keys = Object.keys(source);
    if (keys.length > MANY_KEYS) return false;
    for (const key of keys) {
      if (key === '__proto__') return false;
      const later = source[key];
      target[key] = typeof later === 'object' ? putTogether(target[key], later) : later;
    }
    return true;
  } catch {
    return false;
  }
}

function putTogether(earlier: unknown, later: unknown): unknown {
  if (!isPlainObject(earlier) || !isPlainObject(later)) return later;
  const both: Record<string, unknown> = {};
  assignFields(both, earlier);
  assignFields(both, later);
  return both;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
  } catch {
    return false;
  }
}
