/**
 * Secrets that a name gives away inside a string: `password=…`, `"apiKey": "…"` in JSON (also escaped, in JSON inside
 * JSON), query parameters (also escaped, in a URL inside a URL), header lines, `--token …`, `<password>…</password>`.
 *
 * From each separator the name is read backwards, at most 64 characters; only a name that could be sensitive is looked
 * up. What was found is passed over, so the whole is linear.
 */
import { codeAt, isAlphanumeric, isDigit, isHexDigit, isLetter, isSpace } from './characters.ts';
import type { Finding } from './finding.ts';
import { type NameVerdict, URL_PARAMETER } from './key-names.ts';

/** What a name says; `isParameter` where it stands in the query of a URL. */
export type LookUpName = (name: string, isParameter: boolean) => NameVerdict | undefined;

const MAX_NAME = 64;
const MAX_GAP = 8;
const REDACTED = /^(?:\w+ )?(?:\[REDACTED[A-Z ]{0,40}\]|\*{3}|hash:[0-9a-f]{32})$/;
const EMPTY = /^(?:null|undefined|true|false|none|nil)$/i;
const SCHEME = /^(?:bearer|basic|digest|negotiate|token|apikey|hmac|aws4-hmac-sha256)$/i;

export function findAssignments(text: string, lookUp: LookUpName, add: (finding: Finding) => void): void {
  for (let i = 0; i < text.length; i += 1) {
    const code = codeAt(text, i);
    let width = 0;
    if (code === 61 || code === 58) width = 1;
    else if (code === 37) width = isEscapedSeparator(text, i) ? 3 : 0;
    else if (code === 62) width = 1;
    else if (code === 45 && codeAt(text, i + 1) === 45) width = 2;
    if (width === 0) continue;
    const end = width === 2 ? findFlag(text, i, lookUp, add) : findAssignment(text, i, i + width, lookUp, add);
    if (end > i) i = end - 1;
    else if (width === 2) while (codeAt(text, i + 1) === 45) i += 1;
  }
}

function isEscapedSeparator(text: string, at: number): boolean {
  const escaped = text.slice(at, at + 3).toUpperCase();
  return escaped === '%3D' || escaped === '%3A';
}

function findAssignment(
  text: string,
  at: number,
  after: number,
  lookUp: LookUpName,
  add: (finding: Finding) => void,
): number {
  const isElement = codeAt(text, at) === 62;
  const name = readNameBefore(text, at, isElement);
  if (name === undefined) return at;
  if (isElement && codeAt(text, name.start - 1) !== 60) return at;
  const before = codeAt(text, name.start - 1);
  const isParameter = codeAt(text, at) !== 58 && (before === 63 || before === 38 || before === 35 || name.isEscaped);
  const verdict = lookUp(name.text, isParameter);
  if (verdict === undefined) return at;

  const start = skipGap(text, after);
  const value = isElement ? readUpTo(text, start, '<') : readValue(text, start, text.charAt(at), isWholeLine(verdict));
  const minLength = verdict.kind === URL_PARAMETER ? 8 : 1;
  const content = text.slice(value.start, value.end);
  if (content.length < minLength || REDACTED.test(content) || EMPTY.test(content)) return at;
  if (verdict.stringsOnly && !value.isQuoted && isNumeric(content)) return at;
  add({ start: value.start, end: value.end, kind: verdict.kind, mask: '***', canonical: content, byName: true });
  return value.end;
}

interface Name {
  readonly text: string;
  readonly start: number;
  /** True where it stands behind an escaped `?` or `&`. */
  readonly isEscaped: boolean;
}

function readNameBefore(text: string, separator: number, isElement: boolean): Name | undefined {
  let end = separator;
  if (!isElement) {
    while (end > 0 && separator - end < MAX_GAP && isBetween(codeAt(text, end - 1))) end -= 1;
    // `%22password%22%3A`
    while (end > 2 && codeAt(text, end - 3) === 37 && codeAt(text, end - 2) === 50 && codeAt(text, end - 1) === 50)
      end -= 3;
  }
  let start = end;
  let letters = 0;
  while (start > 0 && end - start < MAX_NAME) {
    const code = codeAt(text, start - 1);
    if (isLetter(code) || code >= 128) letters += 1;
    else if (!isDigit(code) && code !== 95 && code !== 45 && code !== 46) break;
    start -= 1;
  }
  if (letters < 2) return undefined;
  const isEscaped =
    codeAt(text, start - 1) === 37 && isHexDigit(codeAt(text, start)) && isHexDigit(codeAt(text, start + 1));
  if (isEscaped) start += 2;
  return { text: text.slice(start, end), start, isEscaped };
}

/** What may stand between a name and its separator: spaces, quotes, escapes of quotes, the end of an index. */
function isBetween(code: number): boolean {
  return code === 32 || code === 34 || code === 39 || code === 96 || code === 92 || code === 93 || code === 9;
}

function skipGap(text: string, from: number): number {
  let at = from;
  while (at - from < 2 && (codeAt(text, at) === 62 || codeAt(text, at) === 61)) at += 1;
  while (at - from < 32 && isSpace(codeAt(text, at))) at += 1;
  while (text.startsWith('%20', at) && at - from < 32) at += 3;
  return at;
}

function isWholeLine(verdict: NameVerdict): boolean {
  return verdict.kind === 'authorization' || verdict.kind === 'cookie';
}

interface Value {
  readonly start: number;
  readonly end: number;
  readonly isQuoted: boolean;
}

function readValue(text: string, start: number, separator: string, wholeLine: boolean): Value {
  let quote = start;
  while (codeAt(text, quote) === 92 && quote - start < 16) quote += 1;
  const opening = codeAt(text, quote);
  if (opening === 34 || opening === 39 || opening === 96) {
    const close = closingQuote(text, quote + 1, text.charAt(quote), quote - start);
    return { start: quote + 1, end: close, isQuoted: true };
  }
  if (text.startsWith('%22', start)) {
    const close = text.indexOf('%22', start + 3);
    return { start: start + 3, end: close < 0 ? text.length : close, isQuoted: true };
  }
  if (opening === 123 || opening === 91) {
    if (text.startsWith('[REDACTED]', start)) return { start, end: start + 10, isQuoted: true };
    return { start, end: closingBracket(text, quote), isQuoted: true };
  }
  if (wholeLine && separator === ':') return readUpTo(text, start, '\r\n"\'`');
  const stops = separator === ':' ? ' \t\r\n,;}]"\'`<>\\' : ' \t\r\n&;"\'`<>\\';
  let end = readBare(text, start, stops);
  if (SCHEME.test(text.slice(start, end)) && isSpace(codeAt(text, end))) end = readBare(text, end + 1, stops);
  return { start, end, isQuoted: false };
}

function readUpTo(text: string, start: number, stops: string): Value {
  let end = start;
  while (end < text.length && !stops.includes(text.charAt(end))) end += 1;
  return { start, end, isQuoted: true };
}

/** A bare value ends at a stop, at a comma that is followed by space or a quote, or at an escaped `&`. */
function readBare(text: string, start: number, stops: string): number {
  let end = start;
  for (; end < text.length; end += 1) {
    if (stops.includes(text.charAt(end))) break;
    const code = codeAt(text, end);
    const next = codeAt(text, end + 1);
    if (code === 44 && (next === 0 || isSpace(next))) break;
    if (code === 37 && next === 50 && codeAt(text, end + 2) === 54) break;
  }
  return end;
}

/** The closing quote has as many backslashes before it as the opening one; more of them escape it. */
function closingQuote(text: string, from: number, quote: string, backslashes: number): number {
  let run = 0;
  for (let i = from; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (character === '\\') {
      run += 1;
    } else {
      if (character === quote && (run === backslashes || (backslashes === 0 && run % 2 === 0))) return i - backslashes;
      run = 0;
    }
  }
  return text.length;
}

/** The end of an object or array of JSON, brackets in strings aside; the end of the text where it isn't closed. */
function closingBracket(text: string, from: number): number {
  let depth = 0;
  let inString = false;
  for (let i = from; i < text.length; i += 1) {
    const code = codeAt(text, i);
    if (code === 34) inString = !inString;
    else if (code === 92) i += codeAt(text, i + 1) === 34 && inString && codeAt(text, from + 1) !== 92 ? 1 : 0;
    else if (!inString && (code === 123 || code === 91)) depth += 1;
    else if (!inString && (code === 125 || code === 93)) {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}

function isNumeric(content: string): boolean {
  return /^[0-9.,]+$/.test(content);
}

/** `--password hunter2`; `--password=hunter2` is an assignment. */
function findFlag(text: string, at: number, lookUp: LookUpName, add: (finding: Finding) => void): number {
  if (isAlphanumeric(codeAt(text, at - 1)) || codeAt(text, at - 1) === 45) return at;
  let end = at + 2;
  while (end - at < MAX_NAME && (isAlphanumeric(codeAt(text, end)) || codeAt(text, end) === 45)) end += 1;
  if (codeAt(text, end) !== 32 || end - at < 5) return at;
  const verdict = lookUp(text.slice(at + 2, end), false);
  if (verdict === undefined) return at;
  const value = readValue(text, end + 1, '=', false);
  const content = text.slice(value.start, value.end);
  if (content === '' || content.startsWith('-') || REDACTED.test(content)) return at;
  add({ start: value.start, end: value.end, kind: verdict.kind, mask: '***', canonical: content, byName: true });
  return value.end;
}
