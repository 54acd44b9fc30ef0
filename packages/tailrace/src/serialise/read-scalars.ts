import { types } from 'node:util';

/** An object with more fields is left to the walk, which is bounded. */
const MAX_FIELDS = 64;

/** The fields of a small plain object that holds nothing but scalars, as `user: { id, role }`; `undefined` for all else. */
export function readScalars(source: object | null): readonly (readonly [name: string, value: unknown])[] | undefined {
  if (source === null || types.isProxy(source) || Object.getPrototypeOf(source) !== Object.prototype) return undefined;
  const fields: (readonly [string, unknown])[] = [];
  try {
    // Not Object.entries: it would read all the values of a large object before the first is looked at.
    let read = 0;
    for (const name in source) {
      if (!Object.hasOwn(source, name)) continue;
      read += 1;
      if (read > MAX_FIELDS) return undefined;
      const value: unknown = Reflect.get(source, name);
      if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return undefined;
      if (value !== undefined) fields.push([name, value]);
    }
  } catch {
    // A getter threw: the walk says so in its place.
    return undefined;
  }
  return fields.length === 0 ? undefined : fields;
}
