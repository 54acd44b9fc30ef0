/**
 * Redaction: what takes secrets out of events before they are written anywhere.
 *
 * Caught by NAME, whatever the value (but booleans and null): keys such as password, secret, token, api_key,
 * authorization, cookie, private_key, cvv, pin, ssn, card and account numbers, phone; in any case, with any separator, as
 * the end or the middle of a longer name (`stripe_api_key`, `dbPassword2`), and with all that is below them. Names that
 * only speak of a secret are let be (`token_count`, `password_changed_at`); `tokens`, `credentials`, `auth` and the like
 * hold back strings but not numbers.
 *
 * Caught by VALUE, in every string, wherever it stands (a message, a stack, a key, an item of an array): e-mail
 * addresses; payment cards of all brands, alone or in groups, by issuer prefix and Luhn sum, also as numbers; IBANs by
 * length and checksum; social security numbers with separators; phone numbers with `+`, in the American form, or with a
 * leading 0 and separators; JWTs; bearer and basic credentials; keys of AWS, Google, Azure, GitHub, GitLab, Slack, Stripe,
 * OpenAI, Anthropic and some forty more, by their prefixes; PEM blocks; the credentials of URLs, and their secret
 * parameters; `name=value`, `"name": "value"` (also in escaped JSON), `--name value`, header lines and XML elements where
 * the name is one of those above; and the patterns of the user's own.
 *
 * NOT caught: a password or key without shape under an innocent name (`note: "hunter2"`), an AWS secret access key on
 * its own, names and postal addresses of people, nine or ten bare digits (they are ids far more often than numbers of
 * people), what is encoded (base64, gzip, rot13) or cut into several values, digits glued to more digits, and the
 * contents of buffers, which are never written at all. Something that only looks like a card (one in ten 16-digit
 * numbers with an issuer's prefix passes Luhn) is taken for one; measures (`_ms`, `_ns`, `_bytes`, …) are not searched.
 *
 * Every search is linear in the length of the string. None uses a regular expression that can backtrack, and a string
 * is searched only for what its characters allow, so an ordinary one costs one pass over it.
 */
import type { RedactionAction, RedactionOptions } from '../options.ts';
import { createReplace, isRedacted, type Replace } from './action.ts';
import {
  classifyUrlParameter,
  createNameClassifier,
  type NameClassifier,
  type NameVerdict,
  splitWords,
} from './key-names.ts';
import { isCardNumber } from './numbers.ts';
import { compilePath } from './path-pattern.ts';
import { checkPattern } from './pattern-check.ts';
import { createValueSearch } from './value-search.ts';

/** What the redactor says of one key, from its name and its path alone. */
export interface KeyDecision {
  /** The key as it may be written: its own text can hold a secret too (an e-mail address as a key of a map). */
  readonly key: string;
  /** The kind under which a hit is counted, `undefined` where neither name nor path is sensitive. */
  readonly kind: string | undefined;
  /** True where only strings are secret under this name. */
  readonly stringsOnly: boolean;
  /** True where numbers under this name are measures or times, and never card numbers. */
  readonly isMeasure: boolean;
}

/** Finds secrets and takes them out. It keeps counts, so it is made once and used for every event. */
export interface Redactor {
  /** The decision for a flat key; the items of an array are `[]`: `items[].card`. Cached for each path. */
  decide(path: string): KeyDecision;
  /**
   * A string without what the value patterns find; the same string where they find nothing.
   *
   * @param keepChars - only so many characters of the text are wanted. What begins within them and goes on behind them
   *   is still found, and never cut in the middle.
   */
  redactString(text: string, keepChars?: number): string;
  /** A number, or what stands in its place where it is that of a card. */
  redactNumber(value: number): number | string;
  /** What stands in place of a value under a sensitive key, `undefined` where the key goes with it. */
  redactNamed(
    decision: KeyDecision,
    value: string | number | boolean | null,
  ): string | number | boolean | null | undefined;
  /** A parsed event without secrets; the same object where there are none, so that its bytes can be kept. */
  redactEvent(event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** How often each kind was found since the start. */
  counts(): Record<string, number>;
}

const MAX_CACHED_KEYS = 4096;
/** How far behind the wanted part of a string a secret is followed. */
const MARGIN_CHARS = 4096;
const MAX_KEY_CHARS = 1024;
const MAX_DEPTH = 64;
const SMALLEST_CARD = 1e11;
const MEASURES = new Set(
  'ms ns us seconds sec millis nanos micros bytes size time timestamp ts at epoch date count total duration offset'.split(
    ' ',
  ),
);

/**
 * Makes a redactor.
 *
 * @throws TypeError for a path or pattern that can't be used, naming it and what to do.
 * @example
 * ```ts
 * const redactor = createRedactor({ keys: ['mrn'], paths: ['patient.*.note'] });
 * redactor.redactString('mail ann@example.com'); // 'mail ***@***.com'
 * ```
 */
export function createRedactor(options: RedactionOptions = {}): Redactor {
  const nameAction = options.action ?? 'replace';
  const valueAction = options.valueAction ?? 'mask';
  const ownActions = new Map<string, RedactionAction>();
  const ownPatterns = (options.patterns ?? []).map(({ kind, pattern, action }) => {
    ownActions.set(kind, action ?? nameAction);
    return { kind, pattern: checkPattern(kind, pattern) };
  });
  const replace: Replace = createReplace([nameAction, valueAction, ...ownActions.values()], options.hashKey);
  const classify = createNameClassifier(options.keys ?? []);
  const paths = (options.paths ?? []).map(compilePath);
  const kept = (options.keep ?? []).map(compilePath);
  const found = new Map<string, number>();
  const decisions = new Map<string, KeyDecision>();

  const lookUpName = cacheVerdicts(classify);
  const lookUpParameter = cacheVerdicts((name) => classify(name) ?? classifyUrlParameter(name));
  const search = createValueSearch(
    (name, isParameter) => (isParameter ? lookUpParameter(name) : lookUpName(name)),
    ownPatterns,
  );
  const count = (kind: string): void => {
    found.set(kind, (found.get(kind) ?? 0) + 1);
  };

  const redactString = (text: string, keepChars = text.length): string => {
    const isCut = text.length > keepChars + MARGIN_CHARS;
    const searched = isCut ? text.slice(0, keepChars + MARGIN_CHARS) : text;
    const findings = search(searched, isCut);
    if (findings.length === 0) return searched.length > keepChars ? searched.slice(0, keepChars) : text;
    let result = '';
    let at = 0;
    for (const finding of findings) {
      if (finding.start >= keepChars) break;
      const action = ownActions.get(finding.kind) ?? (finding.byName ? nameAction : valueAction);
      result += searched.slice(at, finding.start) + replace(action, finding.mask, finding.canonical);
      at = finding.end;
      count(finding.kind);
    }
    return at < keepChars ? result + searched.slice(at, keepChars) : result;
  };

  const decide = (path: string): KeyDecision => {
    const known = decisions.get(path);
    if (known !== undefined) return known;
    const isKept = kept.some((matches) => matches(path));
    const byPath = !isKept && paths.some((matches) => matches(path));
    const verdict = isKept || byPath ? undefined : classify(path.slice(0, MAX_KEY_CHARS));
    const decision: KeyDecision = {
      key: redactString(path),
      kind: byPath ? 'path' : verdict?.kind,
      stringsOnly: !byPath && verdict?.stringsOnly === true,
      isMeasure: MEASURES.has(splitWords(path.slice(-64)).at(-1) ?? ''),
    };
    if (decisions.size >= MAX_CACHED_KEYS) decisions.clear();
    if (path.length <= MAX_KEY_CHARS) decisions.set(path, decision);
    return decision;
  };

  const redactNamed: Redactor['redactNamed'] = (decision, value) => {
    if (decision.kind === undefined || typeof value === 'boolean' || value === null || isRedacted(value)) return value;
    if (decision.stringsOnly && typeof value === 'number') return value;
    count(decision.kind);
    return nameAction === 'remove' ? undefined : replace(nameAction, '***', String(value));
  };

  const redactNumber = (value: number): number | string => {
    if (!(value >= SMALLEST_CARD) || !Number.isSafeInteger(value)) return value;
    const digits = String(value);
    if (!isCardNumber(digits)) return value;
    count('card');
    return replace(valueAction, `****${digits.slice(-4)}`, digits);
  };

  const redactScalar = (decision: KeyDecision, value: string | number | boolean | null): unknown => {
    if (decision.kind !== undefined) {
      const named = redactNamed(decision, value);
      if (named !== value || isRedacted(value)) return named;
    }
    if (typeof value === 'string') return redactString(value);
    return typeof value === 'number' && !decision.isMeasure ? redactNumber(value) : value;
  };

  /** The same value where nothing was found in it; `undefined` where it is to be left out. */
  const redactValue = (path: string, value: unknown, depth: number): unknown => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) {
      return redactScalar(decide(path), value);
    }
    if (typeof value !== 'object') return value;
    if (depth > MAX_DEPTH) return '[Cut: too deep]';
    if (Array.isArray(value)) return redactItems(path, value, depth);
    return redactFields(`${path}.`, value, depth);
  };

  const redactItems = (path: string, items: readonly unknown[], depth: number): unknown => {
    const itemPath = `${path}[]`;
    let result: unknown[] | undefined;
    items.forEach((item, index) => {
      const redacted = redactValue(itemPath, item, depth + 1);
      if (redacted === item) return;
      result ??= [...items];
      result[index] = redacted ?? null;
    });
    return result ?? items;
  };

  const redactFields = (prefix: string, fields: object, depth: number): object => {
    let changed = false;
    const result: [string, unknown][] = [];
    for (const [key, value] of Object.entries(fields)) {
      const path = prefix + key;
      const redacted = depth === 0 && TRUSTED.has(key) ? value : redactValue(path, value, depth + 1);
      const safeKey = prefix === '' ? decide(path).key : redactString(key);
      changed ||= redacted !== value || safeKey !== key;
      if (redacted !== undefined) result.push([safeKey, redacted]);
    }
    return changed ? Object.fromEntries(result) : fields;
  };

  return {
    decide,
    redactString,
    redactNumber,
    redactNamed,
    redactEvent: (event) => redactFields('', event, 0) as Readonly<Record<string, unknown>>,
    counts: () => Object.fromEntries(found),
  };
}

function cacheVerdicts(classify: NameClassifier): NameClassifier {
  const verdicts = new Map<string, NameVerdict | undefined>();
  return (name) => {
    const known = verdicts.get(name);
    if (known !== undefined || verdicts.has(name)) return known;
    const verdict = classify(name);
    if (verdicts.size >= MAX_CACHED_KEYS) verdicts.clear();
    verdicts.set(name, verdict);
    return verdict;
  };
}

/** Keys that Tailrace itself writes, and never from what a user gave. */
const TRUSTED = new Set(['schema', 'event_id', 'timestamp', 'level', 'sampling.rule', 'sampling.rate']);
