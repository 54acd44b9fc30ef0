/** Bounds on what a decorator takes from a request or a response. */
const MAX_DEPTH = 2;
const MAX_CHARACTERS = 200;
const MAX_ITEMS = 10;
const MAX_KEYS = 20;

/** The parts of a value that are on an allow list, under a prefix, each bounded. What isn't there is left out. */
export function allowedParts(source: unknown, paths: readonly string[], prefix: string): Record<string, unknown> {
  const parts: Record<string, unknown> = {};
  for (const path of paths) {
    const value = valueAt(source, path);
    if (value !== undefined) parts[`${prefix}.${path}`] = bound(value, 0);
  }
  return parts;
}

/** Reads own and inherited getters alike, for a request's parts are often those; what throws is not there. */
function valueAt(source: unknown, path: string): unknown {
  try {
    let value = source;
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null || !(key in value)) return undefined;
      if (key === '__proto__' || key === 'constructor') return undefined;
      value = Reflect.get(value, key);
    }
    return typeof value === 'function' ? undefined : value;
  } catch {
    return undefined;
  }
}

function bound(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > MAX_CHARACTERS ? `${value.slice(0, MAX_CHARACTERS)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value;
  if (Array.isArray(value)) {
    if (depth >= MAX_DEPTH) return `[${value.length} items]`;
    const items = value.slice(0, MAX_ITEMS).map((item) => bound(item, depth + 1));
    return value.length > MAX_ITEMS ? [...items, `… ${value.length - MAX_ITEMS} more`] : items;
  }
  if (depth >= MAX_DEPTH) return '[object]';
  const keys = Object.keys(value);
  const kept: Record<string, unknown> = {};
  for (const key of keys.slice(0, MAX_KEYS)) {
    if (key !== '__proto__') kept[key] = bound(valueAt(value, key), depth + 1);
  }
  if (keys.length > MAX_KEYS) kept['…'] = `${keys.length - MAX_KEYS} more keys`;
  return kept;
}
