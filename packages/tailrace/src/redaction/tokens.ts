/**
 * Tokens that give themselves away: JWTs, the keys of cloud providers and vendors (by their prefixes).
 *
 * All but JWTs are looked for only where a word starts, and by the first letter of the word; so a string without long
 * words isn't searched at all, and each place costs a bounded look ahead.
 */
import { CLASSES, codeAt, HAS_DIGIT, HAS_LETTER, isAlphanumeric, isHexDigit } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

/** The kind, then a sticky pattern: a literal prefix and one class, so that nothing in it can backtrack. */
const VENDOR_TOKENS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['aws_key', /(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA|ANVA|APKA)[A-Z0-9]{12,}/y],
  ['gcp_key', /AIza[A-Za-z0-9_-]{30,}/y],
  ['gcp_key', /ya29\.[A-Za-z0-9_-]{20,}/y],
  ['gcp_key', /GOCSPX-[A-Za-z0-9_-]{20,}/y],
  ['github_token', /gh[pousr]_[A-Za-z0-9]{20,}/y],
  ['github_token', /github_pat_[A-Za-z0-9_]{20,}/y],
  ['gitlab_token', /gl(?:pat|ptt|rt|dt|cbt|soat|ft|agent|oas)-[A-Za-z0-9_.-]{16,}/y],
  ['slack_token', /xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}/y],
  ['slack_token', /xapp-[A-Za-z0-9-]{10,}/y],
  ['slack_webhook', /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9/_-]{16,}/y],
  ['stripe_key', /[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/y],
  ['stripe_key', /whsec_[A-Za-z0-9+/=]{16,}/y],
  ['api_key', /sk-[A-Za-z0-9_-]{20,}/y],
  ['sendgrid_key', /SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/y],
  ['twilio_key', /SK[0-9a-fA-F]{32}/y],
  ['npm_token', /npm_[A-Za-z0-9]{30,}/y],
  ['pypi_token', /pypi-[A-Za-z0-9_-]{40,}/y],
  ['digitalocean_token', /do[opr]_v1_[A-Za-z0-9]{32,}/y],
  ['shopify_token', /shp(?:at|ca|pa|ss|ua)_[A-Za-z0-9]{24,}/y],
  ['square_token', /sq0[a-z]{3}-[A-Za-z0-9_-]{20,}/y],
  ['square_token', /EAAA[A-Za-z0-9_-]{50,}/y],
  ['mailgun_key', /key-[0-9a-z]{32,}/y],
  ['google_refresh_token', /1\/\/0[A-Za-z0-9_-]{30,}/y],
  ['huggingface_token', /hf_[A-Za-z0-9]{30,}/y],
  ['telegram_token', /\d{8,10}:AA[A-Za-z0-9_-]{32,}/y],
  ['discord_token', /[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}/y],
  ['databricks_token', /dapi[0-9a-f]{32,}/y],
  ['doppler_token', /dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{30,}/y],
  ['vault_token', /hv[sbr]\.[A-Za-z0-9_-]{20,}/y],
  ['private_key', /AGE-SECRET-KEY-1[A-Z0-9]{50,}/y],
  ['linear_key', /lin_(?:api|oauth)_[A-Za-z0-9]{30,}/y],
  ['notion_token', /(?:ntn|secret)_[A-Za-z0-9]{32,}/y],
  ['postman_key', /PMAK-[A-Za-z0-9-]{40,}/y],
  ['grafana_token', /gl(?:sa|c)_[A-Za-z0-9_+/=]{30,}/y],
  ['newrelic_key', /NR(?:AK|JS|II)-[A-Za-z0-9]{19,}/y],
  ['sentry_token', /sntry[su]_[A-Za-z0-9_+/=.-]{30,}/y],
  ['dynatrace_token', /dt0[a-z]\d{2}\.[A-Z0-9]{20,}\.[A-Z0-9]{40,}/y],
  ['figma_token', /fig[du]_[A-Za-z0-9_-]{30,}/y],
  ['atlassian_token', /AT(?:ATT|CTT|BB)[A-Za-z0-9_=.-]{24,}/y],
  ['supabase_key', /sb(?:p|_secret)_[A-Za-z0-9_-]{20,}/y],
  ['ai_key', /gsk_[A-Za-z0-9]{30,}/y],
  ['ai_key', /xai-[A-Za-z0-9]{40,}/y],
  ['ai_key', /r8_[A-Za-z0-9]{30,}/y],
  ['ai_key', /pplx-[A-Za-z0-9]{32,}/y],
  ['docker_token', /dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}/y],
  ['planetscale_token', /pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}/y],
  ['paypal_token', /access_token\$[a-z]+\$[a-z0-9$]{30,}/y],
];

/** Tokens without a prefix of their own, looked for only where the text holds what is typical of them. */
const SHAPED_TOKENS: readonly (readonly [kind: string, mark: string, pattern: RegExp])[] = [
  ['azure_key', 'Q~', /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{30,}/g],
  ['azure_key', '==', /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{86}==/g],
  ['terraform_token', '.atlasv1.', /(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{50,}/g],
];

type TokenPattern = readonly [kind: string, pattern: RegExp];

/**
 * Which of the patterns can match a word by its first character, found by trying, so the table can't disagree; and when
 * the character is first met, as a start has no time for 128 of them.
 */
const BY_FIRST: (readonly TokenPattern[] | undefined)[] = Array.from({ length: 128 });

function patternsFor(code: number): readonly TokenPattern[] {
  const character = String.fromCharCode(code);
  const found = VENDOR_TOKENS.filter(([, pattern]) => canStartWith(pattern.source, character));
  BY_FIRST[code] = found;
  return found;
}

function canStartWith(source: string, character: string): boolean {
  if (source.startsWith('(?:'))
    return source
      .slice(3, source.indexOf(')'))
      .split('|')
      .some((word) => word.startsWith(character));
  if (source.startsWith('\\d')) return character >= '0' && character <= '9';
  if (source.startsWith('[')) return new RegExp(`^${source.slice(0, source.indexOf(']') + 1)}`).test(character);
  return source.startsWith(character);
}

/** A plain search for these is far quicker than the pattern, and most strings have none of them. */
const BEARER_PARTS = ['earer', 'asic', 'EARER', 'ASIC'];
const BEARER = /(?<![A-Za-z])(bearer|basic)(?:[ \t]{1,8}|%20|\+)([A-Za-z0-9._~+/=-]{1,8192})/gi;

/** @param isCut - the text goes on where it ends here, so what begins like a token at its end is taken for one. */
export function findTokens(text: string, isCut: boolean, add: (finding: Finding) => void): void {
  findJwts(text, isCut, add);
  let plainUntil: Map<RegExp, number> | undefined;
  for (let i = 0; i < text.length; i += 1) {
    const code = codeAt(text, i);
    if (code >= 128) continue;
    const patterns = BY_FIRST[code] ?? patternsFor(code);
    if (patterns.length === 0 || !startsWord(text, i)) continue;
    for (const [kind, pattern] of patterns) {
      if (plainUntil !== undefined && i < (plainUntil.get(pattern) ?? 0)) continue;
      pattern.lastIndex = i;
      const token = pattern.exec(text)?.[0];
      if (token === undefined) continue;
      if (!hasDigitAndLetter(token)) {
        // no later start in this run can fare better; trying each of them would be quadratic
        plainUntil ??= new Map();
        plainUntil.set(pattern, i + token.length);
        continue;
      }
      add(byValue(i, i + token.length, kind, `${token.slice(0, 4)}***`, token));
      i += token.length - 1;
      break;
    }
  }
  for (const [kind, mark, pattern] of SHAPED_TOKENS) {
    if (!text.includes(mark)) continue;
    for (const match of text.matchAll(pattern)) {
      const [token] = match;
      add(byValue(match.index, match.index + token.length, kind, '***', token));
    }
  }
}

/** A word starts after anything but a letter or digit, and after an escaped character of a URL (`%3D`). */
function startsWord(text: string, at: number): boolean {
  if (!isAlphanumeric(codeAt(text, at - 1))) return true;
  return codeAt(text, at - 3) === 37 && isHexDigit(codeAt(text, at - 1)) && isHexDigit(codeAt(text, at - 2));
}

function hasDigitAndLetter(token: string): boolean {
  let seen = 0;
  for (let i = 0; i < token.length; i += 1) seen |= CLASSES[token.charCodeAt(i)] ?? 0;
  return (seen & HAS_DIGIT) !== 0 && (seen & HAS_LETTER) !== 0;
}

/** `eyJ` and base64url with dots. A run without a dot is passed over whole, so no character is read twice. */
function findJwts(text: string, isCut: boolean, add: (finding: Finding) => void): void {
  let start = text.indexOf('eyJ');
  while (start >= 0) {
    let end = start;
    let dots = 0;
    for (; end < text.length; end += 1) {
      const code = codeAt(text, end);
      if (code === 46) dots += 1;
      else if (code !== 45 && code !== 95 && !isAlphanumeric(code)) break;
    }
    while (end > start && codeAt(text, end - 1) === 46) end -= 1;
    if ((dots > 0 || (isCut && end === text.length)) && end - start >= 16) {
      add(byValue(start, end, 'jwt', 'eyJ***', text.slice(start, end)));
    }
    start = text.indexOf('eyJ', end);
  }
}

/** `Bearer …` and `Basic …`. Words that only speak of them (`bearer token`, `basic auth`) are let be. */
export function findBearers(text: string, add: (finding: Finding) => void): void {
  if (!BEARER_PARTS.some((part) => text.includes(part))) return;
  BEARER.lastIndex = 0;
  for (let match = BEARER.exec(text); match !== null; match = BEARER.exec(text)) {
    const scheme = match[1] ?? '';
    const token = match[2] ?? '';
    const isBasic = scheme.toLowerCase() !== 'bearer';
    if (isBasic ? !isBasicCredential(token) : isPlainWord(token)) continue;
    const start = match.index + match[0].length - token.length;
    add(byValue(start, start + token.length, 'bearer', '***', token));
  }
}

function isPlainWord(token: string): boolean {
  return token.length < 16 && /^[A-Z]?[a-z]*[.-]?$/.test(token);
}

/** Base64 of `user:password`, or too long to be a word. */
function isBasicCredential(token: string): boolean {
  return token.length >= 40 || (token.length >= 4 && Buffer.from(token, 'base64').includes(':'));
}
