import type { RedactionAction } from '../options.ts';

export const REPLACEMENT = '[REDACTED]';
const HASH_CHARACTERS = 32;
/** What redaction left, and the marks of the serialiser, which tell of a value but nothing in it. */
const ALREADY_DONE =
  /^(?:\[REDACTED[A-Z ]{0,40}\]|\*{3}|hash:[0-9a-f]{32}|\[Cut: [a-z0-9 ]{1,60}\]|\[Circular\]|\{\})$/;

/** What stands in place of a secret. */
export type Replace = (action: RedactionAction, mask: string, canonical: string) => string;

export const HASH_KEY_MISSING = "redaction: the action 'hash' needs `hashKey`, a secret text that all services share";

export function needsHashKey(actions: readonly (RedactionAction | undefined)[], hashKey: string | undefined): boolean {
  return actions.includes('hash') && (hashKey === undefined || hashKey === '');
}

/** @throws TypeError where something is to be hashed and there is no key. */
export function createReplace(actions: readonly (RedactionAction | undefined)[], hashKey: string | undefined): Replace {
  if (needsHashKey(actions, hashKey)) throw new TypeError(HASH_KEY_MISSING);
  return (action, mask, canonical) => {
    if (action === 'mask') return mask;
    if (action === 'remove') return '';
    if (action === 'replace') return REPLACEMENT;
    // Loaded where it is used: it is a large part of what a start costs.
    const digest = process
      .getBuiltinModule('node:crypto')
      .createHmac('sha256', hashKey ?? '')
      .update(canonical)
      .digest('hex');
    return `hash:${digest.slice(0, HASH_CHARACTERS)}`;
  };
}

/** True for what an earlier pass left, so that a second one neither counts it nor spoils a hash. */
export function isRedacted(value: unknown): boolean {
  return typeof value === 'string' && (value === '' || ALREADY_DONE.test(value));
}
