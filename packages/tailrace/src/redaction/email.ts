import { classOf, codeAt, HAS_DIGIT, HAS_LETTER, isAlphanumeric, isLetter, isSpace } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

const AT = 64;
const LOCAL = codes("!#$%&'*+-/=?^_`{|}~.");
const DOMAIN = codes('-.');

function codes(characters: string): ReadonlySet<number> {
  return new Set(Array.from(characters, (character) => character.charCodeAt(0)));
}

/** E-mail addresses, found from their `@` or `%40`; `others` are the places of an `@` that belong to something else. */
export function findAddresses(text: string, others: ReadonlySet<number>, add: (finding: Finding) => void): void {
  let from = 0;
  for (;;) {
    const at = nextAt(text, from);
    if (at.start < 0) return;
    if (!others.has(at.start)) findAddress(text, from, at.start, at.end, add);
    from = at.end;
  }
}

function nextAt(text: string, from: number): { readonly start: number; readonly end: number } {
  for (let i = from; i < text.length; i += 1) {
    const code = codeAt(text, i);
    if (code === AT) return { start: i, end: i + 1 };
    if (code === 37 && codeAt(text, i + 1) === 52 && codeAt(text, i + 2) === 48) return { start: i, end: i + 3 };
  }
  return { start: -1, end: -1 };
}

function findAddress(text: string, floor: number, at: number, after: number, add: (finding: Finding) => void): void {
  let start = at;
  let named = false;
  while (start > floor) {
    const code = codeAt(text, start - 1);
    if (!isAlphanumeric(code) && code < 128 && !(LOCAL.has(code) && !isDelimiter(text, start - 1))) break;
    named ||= isAlphanumeric(code) || code >= 128;
    start -= 1;
  }
  while (start < at && !isAlphanumeric(codeAt(text, start)) && codeAt(text, start) < 128) start += 1;
  if (!named) return;

  let end = after;
  let lastDot = -1;
  while (end < text.length) {
    const code = codeAt(text, end);
    if (!isAlphanumeric(code) && code < 128 && !DOMAIN.has(code)) break;
    if (code === 46) {
      if (!isDomainCharacter(codeAt(text, end + 1))) break;
      lastDot = end;
    }
    end += 1;
  }
  while (end > after && codeAt(text, end - 1) === 45) end -= 1;
  const top = text.slice(lastDot + 1, end);
  if (lastDot <= after - 1 || top.length < 2 || !isTopDomain(top)) return;
  add(
    byValue(start, end, 'email', `***@***.${top}`, `${text.slice(start, at)}@${text.slice(after, end)}`.toLowerCase()),
  );
}

function isDomainCharacter(code: number): boolean {
  return (classOf(code) & (HAS_DIGIT | HAS_LETTER)) !== 0 || code >= 128;
}

/** A character that may stand in the local part, but far more often stands before an address: `to='a@b.com'`. */
function isDelimiter(text: string, at: number): boolean {
  const code = codeAt(text, at);
  if (code === 61 || code === 63 || code === 38 || code === 39 || code === 47 || code === 96 || code === 123)
    return true;
  return code === 42 || code === 124 || isSpace(code);
}

function isTopDomain(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = codeAt(text, i);
    if (!isLetter(code) && code < 128 && !text.startsWith('xn--')) return false;
  }
  return true;
}
