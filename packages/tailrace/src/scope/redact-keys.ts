import { isPlainObject } from './merge-fields.ts';

const REDACTED = '[REDACTED]';

/**
 * Takes the values of dotted keys out of a record, and of everything below them. Fields may be flat or nested; nested
 * values belong to the application, so they are copied along the path and not changed.
 */
export function redactKeys(fields: Record<string, unknown>, keys: readonly string[]): void {
  for (const key of keys) {
    for (const name of Object.keys(fields)) {
      if (name === key || name.startsWith(`${key}.`)) fields[name] = REDACTED;
      else if (key.startsWith(`${name}.`))
        fields[name] = withoutPath(fields[name], key.slice(name.length + 1).split('.'));
    }
  }
}

function withoutPath(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => withoutPath(item, path));
  if (!isPlainObject(value) || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: withoutPath(value[key], rest) };
}
