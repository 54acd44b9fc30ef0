import { readScalars } from '../serialise/index.ts';

/**
 * Makes a record tell what is true now, whatever the application does with its values afterwards: small plain objects are
 * copied. False where that takes more than a copy of a few scalars, and only writing the event at once will do.
 */
export function detachValues(record: Record<string, unknown>): boolean {
  for (const key of Object.keys(record)) {
    const value = record[key];
    if (typeof value === 'function') return false;
    if (typeof value !== 'object' || value === null) continue;
    const fields = readScalars(value);
    if (fields === undefined) return false;
    record[key] = Object.fromEntries(fields);
  }
  return true;
}
