/**
 * Copies the own fields of `source` into `target`, one level deep, and survives whatever `source` is: a getter that
 * throws leaves a marker, a key like `__proto__` becomes a plain field, and what isn't an object is stored as `value`.
 */
export function assignFields(target: Record<string, unknown>, source: unknown): void {
  if (source === undefined || source === null) return;
  if (typeof source !== 'object') {
    target.value = source;
    return;
  }
  Object.assign(target, source);
}
