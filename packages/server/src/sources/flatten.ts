/**
 * Nested objects become dotted keys: `{ user: { id: 5 } }` is `{ "user.id": 5 }`. Arrays stay JSON.
 */

export interface FlattenLimits {
  readonly depth: number;
  readonly keys: number;
  readonly keyLength: number;
}

export const FLATTEN_LIMITS: FlattenLimits = { depth: 16, keys: 1024, keyLength: 256 };

/** Either the flat form, or the reason why there is none. */
export type Flattened =
  | { readonly kind: 'flat'; readonly fields: Record<string, unknown> }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Flattens a parsed JSON object. An object that is flat already is given back as it is.
 *
 * A key `__proto__` would be set as the prototype by whoever copies the event key by key, so it is renamed to `proto`.
 * A dotted key that is there already (`{ "a.b": 1, "a": { "b": 2 } }`) keeps its own value; the nested one goes.
 */
export function flatten(input: Record<string, unknown>, limits: FlattenLimits = FLATTEN_LIMITS): Flattened {
  let count = 0;
  let isFlat = true;
  for (const name in input) {
    count += 1;
    const value = input[name];
    if (name.length > limits.keyLength || name === '' || name === '__proto__') isFlat = false;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      if (exceedsDepth(value, limits.depth)) return tooDeep(name, limits);
    } else isFlat = false;
  }
  if (count > limits.keys) return tooMany(limits);
  if (isFlat) return { kind: 'flat', fields: input };

  const fields: Record<string, unknown> = Object.create(null);
  const open: { readonly prefix: string; readonly value: object; readonly depth: number }[] = [
    { prefix: '', value: input, depth: 1 },
  ];
  count = 0;
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    for (const [part, value] of Object.entries(next.value)) {
      if (part === '') return refused(`has an empty key${next.prefix === '' ? '' : ` below ${next.prefix}`}`);
      const name = next.prefix + (part === '__proto__' ? 'proto' : part);
      if (name.length > limits.keyLength) {
        return refused(
          `has a key of ${name.length} characters (${name.slice(0, 40)}…); at most ${limits.keyLength} are accepted`,
        );
      }
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        if (next.depth >= limits.depth) return tooDeep(name, limits);
        open.push({ prefix: `${name}.`, value, depth: next.depth + 1 });
        continue;
      }
      if (Array.isArray(value) && exceedsDepth(value, limits.depth)) return tooDeep(name, limits);
      if (name in fields) continue;
      fields[name] = value;
      count += 1;
      if (count > limits.keys) return tooMany(limits);
    }
  }
  return { kind: 'flat', fields };
}

export function isWithinDepth(items: readonly unknown[]): boolean {
  return !exceedsDepth(items, FLATTEN_LIMITS.depth);
}

function exceedsDepth(value: object, depth: number): boolean {
  if (depth === 0) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof item === 'object' && item !== null && exceedsDepth(item, depth - 1)) return true;
  }
  return false;
}

function tooDeep(name: string, limits: FlattenLimits): Flattened {
  return refused(`is nested deeper than ${limits.depth} levels at ${name.slice(0, 80)}`);
}

function tooMany(limits: FlattenLimits): Flattened {
  return refused(`has more than ${limits.keys} keys`);
}

function refused(reason: string): Flattened {
  return { kind: 'refused', reason };
}
