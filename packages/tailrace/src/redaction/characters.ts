/**
 * What characters a string is made of, found in one pass, so that an ordinary string is let go at once: each search
 * below needs a certain character or a certain length, and most strings have neither.
 */

export const HAS_AT = 1;
export const HAS_DIGIT = 2;
export const HAS_SEPARATOR = 4;
export const IN_TOKEN = 8;
export const HAS_SPACE = 16;
export const HAS_PERCENT = 32;
export const HAS_DASH = 64;
export const HAS_LETTER = 128;

/** The classes of the 128 ASCII characters. */
export const CLASSES = new Uint8Array(128);
for (const [characters, bits] of [
  ['@', HAS_AT],
  [':=>', HAS_SEPARATOR],
  [' \t\r\n', HAS_SPACE],
  ['%', HAS_PERCENT],
  ['-', HAS_DASH | IN_TOKEN],
  ['_', IN_TOKEN],
  ['0123456789', HAS_DIGIT | IN_TOKEN],
  ['abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', HAS_LETTER | IN_TOKEN],
] as const) {
  for (const character of characters) CLASSES[character.charCodeAt(0)] = bits;
}

/** The code of a character, 0 outside the text: `charCodeAt` there is very slow, since it has to answer NaN. */
export function codeAt(text: string, index: number): number {
  return index >= 0 && index < text.length ? text.charCodeAt(index) : 0;
}

export function classOf(code: number): number {
  return code < 128 ? (CLASSES[code] ?? 0) : 0;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isAlphanumeric(code: number): boolean {
  return (classOf(code) & (HAS_DIGIT | HAS_LETTER)) !== 0;
}

export function isLetter(code: number): boolean {
  return (classOf(code) & HAS_LETTER) !== 0;
}

export function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
}

export function isSpace(code: number): boolean {
  return (classOf(code) & HAS_SPACE) !== 0;
}
