import { codeAt, isAlphanumeric, isDigit, isSpace } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

/**
 * The user and password of URLs: `postgres://app:secret@db/shop`, also where the password isn't escaped.
 *
 * @returns the places of the `@` behind them, which are not those of addresses.
 */
export function findUrlCredentials(text: string, add: (finding: Finding) => void): ReadonlySet<number> {
  const ends = new Set<number>();
  let scheme = text.indexOf('://');
  while (scheme >= 0) {
    const start = scheme + 3;
    let slash = -1;
    let lastAt = -1;
    let lastAtBeforeSlash = -1;
    let end = start;
    for (; end < text.length; end += 1) {
      const code = codeAt(text, end);
      if (isSpace(code) || code === 34 || code === 39 || code === 60 || code === 62 || code === 96) break;
      if (slash < 0 && (code === 47 || code === 63 || code === 35)) slash = end;
      if (code === 64) {
        lastAt = end;
        if (slash < 0) lastAtBeforeSlash = end;
      }
      if (code === 58 && codeAt(text, end + 1) === 47 && codeAt(text, end + 2) === 47) break;
    }
    // a slash inside the password: what stands before it then isn't `host` or `host:port`
    const at = lastAtBeforeSlash >= 0 ? lastAtBeforeSlash : hasPort(text, start, slash) ? -1 : lastAt;
    if (at > start && !isMasked(text, start, at)) {
      add(byValue(start, at, 'url_credentials', '***', text.slice(start, at)));
      ends.add(at);
    }
    scheme = text.indexOf('://', end);
  }
  return ends;
}

/** True for `host` and `host:8080` before the first slash. */
function hasPort(text: string, start: number, slash: number): boolean {
  const colon = text.indexOf(':', start);
  if (slash < 0 || colon < 0 || colon > slash) return true;
  for (let i = colon + 1; i < slash; i += 1) if (!isDigit(codeAt(text, i))) return false;
  return true;
}

function isMasked(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) if (isAlphanumeric(codeAt(text, i))) return text.startsWith('[REDACTED]', start);
  return true;
}
