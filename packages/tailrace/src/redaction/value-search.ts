/** All searches for secrets in one string, each behind a check of what the string is made of. */
import type { LookUpName } from './assignments.ts';
import { findAssignments } from './assignments.ts';
import {
  CLASSES,
  HAS_AT,
  HAS_DASH,
  HAS_DIGIT,
  HAS_LETTER,
  HAS_PERCENT,
  HAS_SEPARATOR,
  HAS_SPACE,
  IN_TOKEN,
} from './characters.ts';
import { findAddresses } from './email.ts';
import { byValue, type Finding, mergeFindings } from './finding.ts';
import { findIbans } from './iban.ts';
import { findNumbers } from './numbers.ts';
import { findPemBlocks } from './pem.ts';
import { findBearers, findTokens } from './tokens.ts';
import { findUrlCredentials } from './urls.ts';

/** The shortest word that can be a token, the fewest digits that can be a number, the shortest string of interest. */
const TOKEN_LENGTH = 15;
const NUMBER_DIGITS = 8;
const IBAN_DIGITS = 10;
const SHORTEST = 6;

/** UUIDs, trace ids and times: so common, so rich in digits, and never a secret. */
const UUID_LENGTH = 36;
const TIME_LENGTH = 24;
const TRACE_ID_LENGTH = 32;
const HARMLESS_SHAPE =
  /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;

const NONE: readonly Finding[] = [];
const NO_PLACES: ReadonlySet<number> = new Set();

export interface OwnPattern {
  readonly kind: string;
  /** Global, and checked to be linear. */
  readonly pattern: RegExp;
}

export type ValueSearch = (text: string, isCut: boolean) => readonly Finding[];

export function createValueSearch(lookUpName: LookUpName, ownPatterns: readonly OwnPattern[]): ValueSearch {
  return (text, isCut) => {
    const { length } = text;
    if (length < SHORTEST && ownPatterns.length === 0) return NONE;
    if (
      (length === UUID_LENGTH || length === TIME_LENGTH || length === TRACE_ID_LENGTH) &&
      ownPatterns.length === 0 &&
      HARMLESS_SHAPE.test(text)
    ) {
      return NONE;
    }
    let seen = 0;
    let digits = 0;
    let word = 0;
    let longestWord = 0;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      const bits = code < 128 ? (CLASSES[code] ?? 0) : 0;
      seen |= bits;
      digits += (bits & HAS_DIGIT) >> 1;
      if ((bits & IN_TOKEN) !== 0) {
        word += 1;
        if (word > longestWord) longestWord = word;
      } else {
        word = 0;
      }
    }

    const hasDash = (seen & HAS_DASH) !== 0;
    const hasPercent = (seen & HAS_PERCENT) !== 0;
    const hasToken = longestWord >= TOKEN_LENGTH;
    const hasAssignment = (seen & HAS_SEPARATOR) !== 0 || hasPercent || (hasDash && (seen & HAS_SPACE) !== 0);
    const hasAddress = (seen & HAS_AT) !== 0 || hasPercent;
    const hasBearer = longestWord >= 5 && ((seen & HAS_SPACE) !== 0 || hasPercent || text.includes('+'));
    if (
      !hasToken &&
      !hasAssignment &&
      !hasAddress &&
      !hasBearer &&
      digits < NUMBER_DIGITS &&
      ownPatterns.length === 0
    ) {
      return NONE;
    }

    let found: Finding[] | undefined;
    const add = (finding: Finding): void => {
      found ??= [];
      found.push(finding);
    };
    if (hasDash && (seen & HAS_SPACE) !== 0) findPemBlocks(text, add);
    if (hasAssignment) findAssignments(text, lookUpName, add);
    const hasScheme = (seen & HAS_AT) !== 0 && (seen & HAS_SEPARATOR) !== 0;
    const credentialEnds = hasScheme ? findUrlCredentials(text, add) : NO_PLACES;
    if (hasAddress) findAddresses(text, credentialEnds, add);
    if (hasToken) findTokens(text, isCut, add);
    if (digits >= IBAN_DIGITS && (seen & HAS_LETTER) !== 0) findIbans(text, add);
    if (hasBearer) findBearers(text, add);
    if (digits >= NUMBER_DIGITS) findNumbers(text, add);
    for (const own of ownPatterns) findOwn(text, own, add);
    return found === undefined ? NONE : mergeFindings(found);
  };
}

function findOwn(text: string, { kind, pattern }: OwnPattern, add: (finding: Finding) => void): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [value] = match;
    if (value === '') pattern.lastIndex += 1;
    else add(byValue(match.index, match.index + value.length, kind, '***', value));
  }
}
