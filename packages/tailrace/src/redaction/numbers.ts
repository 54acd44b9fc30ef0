/**
 * Payment cards, social security numbers and phone numbers: all are digits in groups.
 *
 * From the start of each group of digits at most 19 digits are read, together with how they are grouped; the shapes are
 * then compared. So the work is bounded for each group, and linear for a string.
 */
import { codeAt, isAlphanumeric, isDigit, isHexDigit, isLetter } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

const MAX_DIGITS = 19;
const MIN_DIGITS = 8;

/**
 * The groups of digits from one place on. One buffer serves for all searches, since a search never waits and never calls
 * out; making it anew for every number in every string would cost more than the search.
 */
const groups = {
  count: 0,
  digits: 0,
  /** Code of the first digit. */
  first: 0,
  values: new Uint8Array(MAX_DIGITS),
  lengths: new Uint8Array(MAX_DIGITS),
  /** Where each group ends in the text. */
  ends: new Uint32Array(MAX_DIGITS),
  /** The first character of the separator after each group, 0 after the last. */
  separators: new Uint16Array(MAX_DIGITS),
};

export function findNumbers(text: string, add: (finding: Finding) => void): void {
  let i = 0;
  while (i < text.length) {
    if (!isDigit(codeAt(text, i))) {
      i += 1;
      continue;
    }
    const end = findAt(text, i, add);
    if (end > i) {
      i = end;
    } else {
      while (i < text.length && isDigit(codeAt(text, i))) i += 1;
    }
  }
}

/** The end of what was found at this start of a group, or the start itself. */
function findAt(text: string, start: number, add: (finding: Finding) => void): number {
  if (!canStart(text, start)) return start;
  readGroups(text, start);
  if (groups.digits < MIN_DIGITS) return start;
  const card = cardEnd(text, start);
  if (card > start) {
    const digits = digitsOf(text, start, card);
    add(byValue(start, card, 'card', `****${digits.slice(-4)}`, digits));
    return card;
  }
  if (isInsideLongerNumber(text, start)) return start;
  const ssn = ssnEnd(text, start);
  if (ssn > 0) {
    const digits = digitsOf(text, start, ssn);
    add(byValue(start, ssn, 'ssn', `***-**-${digits.slice(-4)}`, digits));
    return ssn;
  }
  const phone = phoneEnd(text, start);
  if (phone > 0) {
    const before = text.charAt(start - 1);
    const from = before === '+' || before === '(' ? start - (text.charAt(start - 2) === '+' ? 2 : 1) : start;
    const digits = digitsOf(text, start, phone);
    add(byValue(from, phone, 'phone', `***-${digits.slice(-4)}`, digits));
    return phone;
  }
  return start;
}

/** True where the first two groups fit any of the shapes; most numbers, and lists of short ones, are let go here. */
function canStart(text: string, start: number): boolean {
  const before = codeAt(text, start - 1);
  if (before === 43 || before === 40) return true;
  let end = start;
  while (end - start <= MAX_DIGITS && isDigit(codeAt(text, end))) end += 1;
  const length = end - start;
  if (length >= 11) return length <= MAX_DIGITS;
  const second = end + separatorWidth(text, end);
  if (second === end || !isDigit(codeAt(text, second + 1))) return false;
  return codeAt(text, start) === 48 || length === 1 || length === 3 || length === 4 || length === 6;
}

function readGroups(text: string, start: number): void {
  groups.count = 0;
  groups.digits = 0;
  groups.first = codeAt(text, start);
  let at = start;
  for (;;) {
    let end = at;
    while (end - at <= MAX_DIGITS && isDigit(codeAt(text, end))) end += 1;
    if (groups.digits + end - at > MAX_DIGITS) return;
    const width = separatorWidth(text, end);
    for (let i = at; i < end; i += 1) groups.values[groups.digits + i - at] = text.charCodeAt(i) - 48;
    groups.digits += end - at;
    groups.lengths[groups.count] = end - at;
    groups.ends[groups.count] = end;
    groups.separators[groups.count] = width === 0 ? 0 : codeAt(text, end);
    groups.count += 1;
    if (width === 0) return;
    at = end + width;
  }
}

/** The length of a group, 0 where there is none. */
function lengthOf(group: number): number {
  return group < groups.count ? (groups.lengths[group] ?? 0) : 0;
}

function endOf(group: number): number {
  return groups.ends[group] ?? 0;
}

/** How many characters separate this group from the next; 0 where no group follows. */
function separatorWidth(text: string, at: number): number {
  const code = codeAt(text, at);
  const next = codeAt(text, at + 1);
  if (code === 41) {
    if (isDigit(next)) return 1;
    return (next === 32 || next === 45 || next === 46) && isDigit(codeAt(text, at + 2)) ? 2 : 0;
  }
  if (isSeparator(code)) {
    if (isDigit(next)) return 1;
    return next === 40 && isDigit(codeAt(text, at + 2)) ? 2 : 0;
  }
  return code === 37 && codeAt(text, at + 1) === 50 && codeAt(text, at + 2) === 48 && isDigit(codeAt(text, at + 3))
    ? 3
    : 0;
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

function cardEnd(text: string, start: number): number {
  const first = lengthOf(0);
  if (groups.digits < 12 || (first !== 4 && first !== 6 && first < 12)) return start;
  // no issuer's prefix starts with 0, 1, 7 or 9
  if (groups.first < 50 || groups.first === 55 || groups.first === 57) return start;
  let count = 0;
  let best = start;
  for (let i = 0; i < groups.count; i += 1) {
    if (i > 1 && lengthOf(i - 1) < 3) break;
    count += lengthOf(i);
    if (count >= (i === 0 ? 12 : 14) && isCard(groups.values, count)) best = endOf(i);
  }
  if (best === start) return start;
  if (best === endOf(0) && (isInHexToken(text, start, best) || isFraction(text, start))) return start;
  return best;
}

function isFraction(text: string, start: number): boolean {
  return codeAt(text, start - 1) === 46 && isDigit(codeAt(text, start - 2));
}

/** True where the digits are part of a hash or an id in hexadecimal. */
function isInHexToken(text: string, start: number, end: number): boolean {
  let from = start;
  let to = end;
  while (from > 0 && end - from < 64 && isHexDigit(codeAt(text, from - 1))) from -= 1;
  while (to < text.length && to - start < 64 && isHexDigit(codeAt(text, to))) to += 1;
  if (from === start && to === end) return false;
  return !isAlphanumeric(codeAt(text, from - 1)) && !isAlphanumeric(codeAt(text, to));
}

/** True for a whole number, written in digits, that can be a card's. */
export function isCardNumber(digits: string): boolean {
  if (digits.length > MAX_DIGITS) return false;
  return isCard(
    Uint8Array.from(digits, (digit) => digit.charCodeAt(0) - 48),
    digits.length,
  );
}

/** Issuer prefixes of all brands with their lengths, then the Luhn sum. */
function isCard(digits: Uint8Array, length: number): boolean {
  return length >= 12 && length <= 19 && hasIssuerPrefix(digits, length) && luhn(digits, length);
}

function hasIssuerPrefix(digits: Uint8Array, n: number): boolean {
  const a = digits[0] ?? 0;
  const two = a * 10 + (digits[1] ?? 0);
  const four = two * 100 + (digits[2] ?? 0) * 10 + (digits[3] ?? 0);
  if (a === 4) return n === 13 || n === 16 || n === 19;
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

function luhn(digits: Uint8Array, length: number): boolean {
  let sum = 0;
  for (let i = length - 1, double = false; i >= 0; i -= 1, double = !double) {
    const digit = digits[i] ?? 0;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

/** Three, two, four; no area 000 or 666, none over 900 but those of taxpayers without a social security number. */
function ssnEnd(text: string, start: number): number {
  if (lengthOf(0) !== 3 || lengthOf(1) !== 2 || lengthOf(2) !== 4) return 0;
  const separator = groups.separators[0];
  if (separator !== groups.separators[1] || (separator !== 45 && separator !== 32)) return 0;
  const area = Number(text.slice(start, start + 3));
  const group = Number(text.slice(start + 4, start + 6));
  if (area === 0 || area === 666 || group === 0 || text.startsWith('0000', start + 7)) return 0;
  if (area >= 900 && group < 50) return 0;
  return endsNumber(text, endOf(2)) ? endOf(2) : 0;
}

function phoneEnd(text: string, start: number): number {
  const before = codeAt(text, start - 1);
  if (before === 43 || (before === 40 && codeAt(text, start - 2) === 43)) {
    const outside = codeAt(text, start - (before === 43 ? 2 : 3));
    return isAlphanumeric(outside) ? 0 : internationalEnd(text);
  }
  return groups.first === 48 ? trunkEnd(text, start) : northAmericanEnd(text, start, before === 40);
}

/** `+` and 8 to 15 digits. */
function internationalEnd(text: string): number {
  if (groups.first === 48) return 0;
  let count = 0;
  let end = 0;
  for (let i = 0; i < groups.count; i += 1) {
    count += lengthOf(i);
    if (count > 15) break;
    if (count >= 8) end = endOf(i);
  }
  return isLetter(codeAt(text, end)) ? 0 : end;
}

/** `(415) 555-1234`, `415-555-1234`, `1 415 555 1234`, `415.555.1234`. */
function northAmericanEnd(text: string, start: number, inBrackets: boolean): number {
  const first = lengthOf(0) === 1 && groups.first === 49 ? 1 : 0;
  if (lengthOf(first) !== 3) return 0;
  const area = endOf(first) - 3;
  const joined = lengthOf(first + 1) === 7 && (inBrackets || groups.separators[first] === 41);
  if (!joined && (lengthOf(first + 1) !== 3 || lengthOf(first + 2) !== 4)) return 0;
  const end = endOf(joined ? first + 1 : first + 2);
  const exchange = endOf(first + 1) - lengthOf(first + 1);
  if (!isOverOne(codeAt(text, area)) || !isOverOne(codeAt(text, exchange)) || area < start) return 0;
  return endsNumber(text, end) ? end : 0;
}

function isOverOne(code: number): boolean {
  return code >= 50 && code <= 57;
}

/** National numbers that start with 0: `010-1234-5678`, `020 7946 0958`, `01 23 45 67 89`; and `01012345678`. */
function trunkEnd(text: string, start: number): number {
  if (codeAt(text, start + 1) === 48) return 0;
  const first = lengthOf(0);
  if (first === 11) return text.startsWith('010', start) && !isAlphanumeric(codeAt(text, endOf(0))) ? endOf(0) : 0;
  if (first < 2 || first > 5) return 0;
  let count = first;
  let end = 0;
  for (let i = 1; i < Math.min(groups.count, 5); i += 1) {
    const length = lengthOf(i);
    const isDate = i === 2 && first === 2 && lengthOf(1) === 2 && length === 4;
    if (length < 2 || length > 8 || isDate) break;
    if (i > 1 && groups.separators[i - 1] !== groups.separators[i - 2]) break;
    count += length;
    if (count > 11) break;
    if (count >= 9) end = endOf(i);
  }
  return end > 0 && endsNumber(text, end) ? end : 0;
}

/** True where digits go on before the start: `12-415-555-1234`, `7.415`. */
function isInsideLongerNumber(text: string, start: number): boolean {
  const before = codeAt(text, start - 1);
  if (isLetter(before) || before === 95) return true;
  return (before === 45 || before === 46) && isDigit(codeAt(text, start - 2));
}

/** True where no letter follows, nor more digits behind a dash or a dot. */
function endsNumber(text: string, end: number): boolean {
  const after = codeAt(text, end);
  if (after === 120) return true;
  if (isAlphanumeric(after) || after === 95) return false;
  return !((after === 45 || after === 46) && isDigit(codeAt(text, end + 1)));
}
