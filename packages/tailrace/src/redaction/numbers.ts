/**
 * Payment cards, social security numbers and phone numbers: all are digits in groups.
 *
 * From the start of each group of digits at most 19 digits are read, together with how they are grouped; the shapes are
 * then compared. So the work is bounded for each group, and linear for a string.
 */
import { isAlphanumeric, isDigit, isHexDigit, isLetter } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

const MAX_DIGITS = 19;

interface Groups {
  /** All digits read, without separators. */
  digits: string;
  lengths: number[];
  /** Where each group ends in the text. */
  ends: number[];
  /** The separator after each group, as written; empty after the last. */
  separators: string[];
}

export function findNumbers(text: string, add: (finding: Finding) => void): void {
  let i = 0;
  while (i < text.length) {
    if (!isDigit(text.charCodeAt(i))) {
      i += 1;
      continue;
    }
    const end = findAt(text, i, add);
    if (end > i) {
      i = end;
    } else {
      while (i < text.length && isDigit(text.charCodeAt(i))) i += 1;
    }
  }
}

/** The end of what was found at this start of a group, or the start itself. */
function findAt(text: string, start: number, add: (finding: Finding) => void): number {
  const groups = readGroups(text, start);
  if (groups === undefined || groups.digits.length < 8) return start;
  const card = cardEnd(text, start, groups);
  if (card > start) {
    const digits = digitsOf(text, start, card);
    add(byValue(start, card, 'card', `****${digits.slice(-4)}`, digits));
    return card;
  }
  if (isInsideLongerNumber(text, start)) return start;
  const ssn = ssnEnd(text, groups);
  if (ssn > 0) {
    const digits = digitsOf(text, start, ssn);
    add(byValue(start, ssn, 'ssn', `***-**-${digits.slice(-4)}`, digits));
    return ssn;
  }
  const phone = phoneEnd(text, start, groups);
  if (phone > 0) {
    const before = text.charAt(start - 1);
    const from = before === '+' || before === '(' ? start - (text.charAt(start - 2) === '+' ? 2 : 1) : start;
    const digits = digitsOf(text, start, phone);
    add(byValue(from, phone, 'phone', `***-${digits.slice(-4)}`, digits));
    return phone;
  }
  return start;
}

function readGroups(text: string, start: number): Groups | undefined {
  const groups: Groups = { digits: '', lengths: [], ends: [], separators: [] };
  let at = start;
  for (;;) {
    let end = at;
    while (end < text.length && end - at <= MAX_DIGITS && isDigit(text.charCodeAt(end))) end += 1;
    if (end - at > MAX_DIGITS) break;
    if (groups.digits.length + end - at > MAX_DIGITS) break;
    groups.digits += text.slice(at, end);
    groups.lengths.push(end - at);
    groups.ends.push(end);
    const width = separatorWidth(text, end);
    groups.separators.push(text.slice(end, end + width));
    if (width === 0) break;
    at = end + width;
  }
  return groups.lengths.length === 0 ? undefined : groups;
}

/** How many characters separate this group from the next; 0 where no group follows. */
function separatorWidth(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const next = text.charCodeAt(at + 1);
  if (code === 41) {
    if (isDigit(next)) return 1;
    return (next === 32 || next === 45 || next === 46) && isDigit(text.charCodeAt(at + 2)) ? 2 : 0;
  }
  if (isSeparator(code)) {
    if (isDigit(next)) return 1;
    return next === 40 && isDigit(text.charCodeAt(at + 2)) ? 2 : 0;
  }
  return text.startsWith('%20', at) && isDigit(text.charCodeAt(at + 3)) ? 3 : 0;
}

/** Space, dash, dot, plus (a space in a URL), and the wide and narrow relatives of space and dash. */
function isSeparator(code: number): boolean {
  if (code < 128) return code === 32 || code === 45 || code === 46 || code === 43;
  return code === 0xa0 || (code >= 0x2009 && code <= 0x2015) || code === 0x202f;
}

function digitsOf(text: string, start: number, end: number): string {
  return text
    .slice(start, end)
    .replaceAll('%20', '')
    .replace(/[^0-9]/g, '');
}

function cardEnd(text: string, start: number, groups: Groups): number {
  const { lengths, ends, digits } = groups;
  if (digits.length < 12) return start;
  let count = 0;
  let best = start;
  for (let i = 0; i < lengths.length; i += 1) {
    const length = lengths[i] ?? 0;
    if (i === 0 ? length !== 4 && length !== 6 && length < 12 : i > 1 && (lengths[i - 1] ?? 0) < 3) break;
    count += length;
    if (count >= 12 && isCardNumber(digits.slice(0, count))) best = ends[i] ?? start;
  }
  if (best === start) return start;
  if (best === ends[0] && (isInHexToken(text, start, best) || isFraction(text, start))) return start;
  return best;
}

function isFraction(text: string, start: number): boolean {
  return text.charCodeAt(start - 1) === 46 && isDigit(text.charCodeAt(start - 2));
}

/** True where the digits are part of a hash or an id in hexadecimal. */
function isInHexToken(text: string, start: number, end: number): boolean {
  let from = start;
  let to = end;
  while (from > 0 && end - from < 64 && isHexDigit(text.charCodeAt(from - 1))) from -= 1;
  while (to < text.length && to - start < 64 && isHexDigit(text.charCodeAt(to))) to += 1;
  if (from === start && to === end) return false;
  return !isAlphanumeric(text.charCodeAt(from - 1)) && !isAlphanumeric(text.charCodeAt(to));
}

/** Issuer prefixes of all brands with their lengths, then the Luhn sum. */
export function isCardNumber(digits: string): boolean {
  const n = digits.length;
  if (n < 12 || n > 19) return false;
  return hasIssuerPrefix(digits, n) && luhn(digits);
}

function hasIssuerPrefix(digits: string, n: number): boolean {
  const two = Number(digits.slice(0, 2));
  const four = Number(digits.slice(0, 4));
  if (digits.startsWith('4')) return n === 13 || n === 16 || n === 19;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return n === 16;
  if (two === 34 || two === 37) return n === 15;
  if (two === 36) return n >= 14;
  if (two === 30 || two === 38 || two === 39) return n === 14 || n === 16 || n === 19;
  if (four >= 3528 && four <= 3589) return n >= 16;
  if (four >= 2200 && four <= 2204) return n >= 16;
  if (two === 50 || (two >= 56 && two <= 59)) return n >= 12;
  if (two === 60 || (two >= 62 && two <= 65)) return n >= 14;
  if (two === 61 || (two >= 66 && two <= 69)) return n >= 12;
  return two === 81 || two === 82 ? n === 16 : false;
}

function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i -= 1, double = !double) {
    let digit = digits.charCodeAt(i) - 48;
    if (double) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}

/** Three, two, four; no area 000 or 666, none over 900 but those of taxpayers without a social security number. */
function ssnEnd(text: string, { lengths, ends, separators, digits }: Groups): number {
  if (lengths[0] !== 3 || lengths[1] !== 2 || lengths[2] !== 4 || separators[0] !== separators[1]) return 0;
  if (separators[0] !== '-' && separators[0] !== ' ') return 0;
  const area = Number(digits.slice(0, 3));
  const group = Number(digits.slice(3, 5));
  if (area === 0 || area === 666 || group === 0 || digits.slice(5, 9) === '0000') return 0;
  if (area >= 900 && group < 50) return 0;
  return endsNumber(text, ends[2] ?? 0) ? (ends[2] ?? 0) : 0;
}

function phoneEnd(text: string, start: number, groups: Groups): number {
  const before = text.charCodeAt(start - 1);
  if (before === 43 || (before === 40 && text.charCodeAt(start - 2) === 43)) {
    const outside = text.charCodeAt(start - (before === 43 ? 2 : 3));
    return isAlphanumeric(outside) ? 0 : internationalEnd(text, groups);
  }
  return northAmericanEnd(text, before === 40, groups) || trunkEnd(text, groups);
}

/** `+` and 8 to 15 digits. */
function internationalEnd(text: string, { lengths, ends, digits }: Groups): number {
  if (digits.startsWith('0')) return 0;
  let count = 0;
  let end = 0;
  for (let i = 0; i < lengths.length; i += 1) {
    count += lengths[i] ?? 0;
    if (count > 15) break;
    if (count >= 8) end = ends[i] ?? 0;
  }
  return isLetter(text.charCodeAt(end)) ? 0 : end;
}

/** `(415) 555-1234`, `415-555-1234`, `1 415 555 1234`, `415.555.1234`. */
function northAmericanEnd(text: string, inBrackets: boolean, { lengths, ends, separators, digits }: Groups): number {
  const first = lengths[0] === 1 && digits.startsWith('1') ? 1 : 0;
  const area = digits.slice(first, first + 3);
  const exchange = digits.slice(first + 3, first + 6);
  if (lengths[first] !== 3 || !isOverOne(area) || !isOverOne(exchange)) return 0;
  const joined = (inBrackets || (separators[first] ?? '').startsWith(')')) && lengths[first + 1] === 7;
  const end = joined ? ends[first + 1] : lengths[first + 1] === 3 && lengths[first + 2] === 4 ? ends[first + 2] : 0;
  return end !== undefined && end > 0 && endsNumber(text, end) ? end : 0;
}

function isOverOne(digits: string): boolean {
  const code = digits.charCodeAt(0);
  return code >= 50 && code <= 57;
}

/** National numbers that start with 0: `010-1234-5678`, `020 7946 0958`, `01 23 45 67 89`; and `01012345678`. */
function trunkEnd(text: string, { lengths, ends, separators, digits }: Groups): number {
  if (!digits.startsWith('0') || digits.startsWith('00')) return 0;
  if (lengths[0] === 11)
    return digits.startsWith('010') && !isAlphanumeric(text.charCodeAt(ends[0] ?? 0)) ? (ends[0] ?? 0) : 0;
  const first = lengths[0] ?? 0;
  if (first < 2 || first > 5) return 0;
  let count = first;
  let end = 0;
  for (let i = 1; i < Math.min(lengths.length, 5); i += 1) {
    const length = lengths[i] ?? 0;
    const isDate = i === 2 && first === 2 && lengths[1] === 2 && length === 4;
    if (length < 2 || length > 8 || isDate || (i > 1 && separators[i - 1] !== separators[i - 2])) break;
    count += length;
    if (count > 11) break;
    if (count >= 9) end = ends[i] ?? 0;
  }
  return end > 0 && endsNumber(text, end) ? end : 0;
}

/** True where digits go on before the start: `12-415-555-1234`, `7.415`. */
function isInsideLongerNumber(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  if (isLetter(before) || before === 95) return true;
  return (before === 45 || before === 46) && isDigit(text.charCodeAt(start - 2));
}

/** True where no letter follows, nor more digits behind a dash or a dot. */
function endsNumber(text: string, end: number): boolean {
  const after = text.charCodeAt(end);
  if (after === 120) return true;
  if (isAlphanumeric(after) || after === 95) return false;
  return !((after === 45 || after === 46) && isDigit(text.charCodeAt(end + 1)));
}
