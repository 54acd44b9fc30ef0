/**
 * Routes as people write them in a configuration: `/payments`, `POST /payments/:id`, `/payments/**`, `GET|POST /cart/*`.
 *
 * A pattern without a method matches every method. An event may carry its route as a template (`/payments/:id`,
 * `/payments/{id}`) or, where no framework told the template, as a path; and some programs put the method before it
 * (`POST /payments`). All of these are one route, and are compared as such: a pattern that is compared as text with
 * something that has a method in front never matches, and nobody notices.
 */

export interface RoutePattern {
  readonly text: string;
  matches(method: string | undefined, route: string | undefined): boolean;
}

const METHODS = /^([A-Za-z]+(?:\|[A-Za-z]+)*)\s+(\S.*)$/;
const ROUTE_WITH_METHOD = /^([A-Z]+) (\/.*)$/;

/** `undefined` where the text is not a route pattern. */
export function parseRoutePattern(text: string): RoutePattern | undefined {
  const trimmed = text.trim();
  const split = METHODS.exec(trimmed);
  const methods = split?.[1]?.toUpperCase().split('|');
  const path = split?.[2] ?? trimmed;
  if (!(path.startsWith('/') || path.startsWith('*')) || /\s/.test(path)) return undefined;
  const pattern = segmentsOf(path).map((segment) => (isParameter(segment) ? '*' : segment));
  return {
    text: trimmed,
    matches(method, route) {
      if (route === undefined) return false;
      const inRoute = ROUTE_WITH_METHOD.exec(route);
      const actualMethod = inRoute?.[1] ?? method;
      if (methods !== undefined && !(actualMethod !== undefined && methods.includes(actualMethod.toUpperCase()))) {
        return false;
      }
      return matchSegments(pattern, segmentsOf(inRoute?.[2] ?? route));
    },
  };
}

function segmentsOf(path: string): string[] {
  const end = path.search(/[?#]/);
  return (end === -1 ? path : path.slice(0, end))
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '');
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':') || (segment.startsWith('{') && segment.endsWith('}'));
}

/** `**` stands for any number of segments, none included, so `/payments/**` matches `/payments` too. */
function matchSegments(pattern: readonly string[], segments: readonly string[]): boolean {
  return matchWildcard(pattern, segments, '**', (expected, segment) =>
    matchWildcard([...expected], [...segment], '*', (a, b) => a === b),
  );
}

/** Wildcard matching with one point of return: quadratic at worst, never exponential. */
function matchWildcard<T>(
  pattern: readonly T[],
  input: readonly T[],
  wildcard: T,
  equals: (expected: T, actual: T) => boolean,
): boolean {
  let p = 0;
  let i = 0;
  let returnPattern = -1;
  let returnInput = 0;
  while (i < input.length) {
    const expected = pattern[p];
    const actual = input[i];
    if (expected === wildcard) {
      returnPattern = p;
      returnInput = i;
      p += 1;
    } else if (expected !== undefined && actual !== undefined && equals(expected, actual)) {
      p += 1;
      i += 1;
    } else if (returnPattern !== -1) {
      p = returnPattern + 1;
      returnInput += 1;
      i = returnInput;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === wildcard) p += 1;
  return p === pattern.length;
}
