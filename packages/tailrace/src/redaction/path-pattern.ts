/**
 * Paths with wildcards: `user.*.phone`, `**.secret`, `items[*].card`, `user_*.note`.
 *
 * `*` stands for one key or for part of one, `**` for any number of keys and arrays, `[*]` for the items of an array. A
 * path names what it ends on and everything below it. Case doesn't matter.
 */

export type PathMatcher = (path: string) => boolean;

type Segment =
  | { readonly kind: 'any-depth' }
  | { readonly kind: 'items' }
  | { readonly kind: 'key'; readonly parts: readonly string[] };

const MAX_SEGMENTS = 32;

/** @throws TypeError for a path that is empty, too long, or names one position of an array. */
export function compilePath(pattern: string): PathMatcher {
  const texts = splitPath(pattern.replaceAll('[*]', '[]').toLowerCase());
  if (texts.length === 0 || texts.length > MAX_SEGMENTS || texts.some((text) => text === '')) {
    throw new TypeError(
      `not a path: ${JSON.stringify(pattern)}; write keys with dots between them, as in user.*.phone`,
    );
  }
  if (texts.some((text) => /^\[.+\]$/.test(text))) {
    throw new TypeError(`the path ${JSON.stringify(pattern)} names one position of an array; write [*] for all items`);
  }
  const segments = texts.map(toSegment);
  return (path) => matchesFrom(segments, splitPath(path.toLowerCase()));
}

export function splitPath(path: string): string[] {
  return path
    .replaceAll('[', '.[')
    .split('.')
    .filter((text, index) => text !== '' || index > 0);
}

function toSegment(text: string): Segment {
  if (text === '**') return { kind: 'any-depth' };
  if (text === '[]') return { kind: 'items' };
  return { kind: 'key', parts: text.split('*') };
}

/** True where the pattern matches the path or a part of it from its beginning. Keeps the set of places reached. */
function matchesFrom(pattern: readonly Segment[], path: readonly string[]): boolean {
  let reached = new Set([0]);
  for (const text of path) {
    const next = new Set<number>();
    for (const at of withoutDepth(pattern, reached)) {
      const segment = pattern[at];
      if (segment === undefined) return true;
      if (segment.kind === 'any-depth') next.add(at);
      else if (segment.kind === 'items' ? text === '[]' : matchesKey(segment.parts, text)) next.add(at + 1);
    }
    reached = next;
  }
  return withoutDepth(pattern, reached).includes(pattern.length);
}

/** The places reached, and those behind a `**`, which may stand for nothing. */
function withoutDepth(pattern: readonly Segment[], reached: ReadonlySet<number>): number[] {
  const places = [...reached];
  for (const at of places) {
    if (pattern[at]?.kind === 'any-depth' && !places.includes(at + 1)) places.push(at + 1);
  }
  return places;
}

function matchesKey(parts: readonly string[], text: string): boolean {
  const [head = '', ...rest] = parts;
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - tail.length) return false;
    at = found + part.length;
  }
  return true;
}
