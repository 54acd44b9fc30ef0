import { types } from 'node:util';

/** An object with more fields is left to the walk, which is bounded. */
const MAX_FIELDS = 64;

/** The fields of a small plain object that holds nothing but scalars, as `user: { id, role }`; `undefined` for all else. */
export function readScalars(source: object | null): readonly (readonly [name: string, value: unknown])[] | undefined {
  if (source === null || types.isProxy(source) || Object.getPrototypeOf(source) !== Object.prototype) return undefined;
  const fields: (readonly [string, unknown])[] = [];
  try {
    for (const [name, value] of Object.entries(source)) {
      if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return undefined;
      if (value !== undefined) fields.push([name, value]);
    }
  } catch {
    // A getter threw: the walk says so in its place.
    return undefined;
  }
  return fields.length === 0 || fields.length > MAX_FIELDS ? undefined : fields;
}
