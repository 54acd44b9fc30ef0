import { assignFields } from './serialise/index.ts';

/**
 * A record that begins with the fields of `base`. Without a prototype V8 keeps it as a table from the start: fields of any
 * name go in at half the cost, where a plain object would change its hidden class with each of them.
 */
export function newRecord(base: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const key in base) record[key] = base[key];
  return record;
}

/**
 * Adds fields to a record. Of two values for one key the later one stays, but two plain objects are put together, one
 * level deep: `set({ user: { id } })` and a later `set({ user: { role } })` are both told.
 */
export function mergeFields(target: Record<string, unknown>, source: unknown): void {
  const before = plainObjectsIn(target, source);
  assignFields(target, source);
  if (before === undefined) return;
  for (const [key, earlier] of before) {
    const later = target[key];
    if (!isPlainObject(later)) continue;
    const both: Record<string, unknown> = {};
    assignFields(both, earlier);
    assignFields(both, later);
    target[key] = both;
  }
}

/** The plain objects of the target that the source has a value for: mostly none. */
function plainObjectsIn(target: Record<string, unknown>, source: unknown): [string, object][] | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  let found: [string, object][] | undefined;
  try {
    for (const key of Object.keys(source)) {
      const value = target[key];
      if (!isPlainObject(value)) continue;
      found ??= [];
      found.push([key, value]);
    }
  } catch {
    // What can't tell its keys has nothing to be put together.
  }
  return found;
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
