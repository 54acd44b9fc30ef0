import type { RedactionAction, RedactionOptions } from '../options.ts';
import { faultsOfRedaction } from '../redaction/index.ts';
import type { Check } from './check-options.ts';

const REDACTION_KEYS = [
  'keys',
  'paths',
  'patterns',
  'action',
  'valueAction',
  'keep',
  'hashKey',
] as const satisfies readonly (keyof RedactionOptions)[];
const PATTERN_KEYS = ['kind', 'pattern', 'action'] as const;
const ACTIONS = ['mask', 'remove', 'replace', 'hash'] as const satisfies readonly RedactionAction[];

type Pattern = NonNullable<RedactionOptions['patterns']>[number];

/** What is wrong with the shape is told by `check`; what is wrong with the rest, by the redaction itself. */
export function resolveRedaction(check: Check, value: unknown): RedactionOptions | false {
  if (value === false) return false;
  if (value === true || value === null) {
    check.fault('redaction', value, 'an object of options, or false to switch redaction off; it is on by default');
    return {};
  }
  const given = check.object('redaction', value, REDACTION_KEYS);
  const hashKey = check.text('redaction.hashKey', given.hashKey, { isSecret: true });
  const action = check.oneOf('redaction.action', given.action, ACTIONS);
  const valueAction = check.oneOf('redaction.valueAction', given.valueAction, ACTIONS);
  const options: RedactionOptions = {
    keys: textsOf(check, 'redaction.keys', given.keys),
    paths: textsOf(check, 'redaction.paths', given.paths),
    keep: textsOf(check, 'redaction.keep', given.keep),
    patterns: patternsOf(check, given.patterns),
    ...(action === undefined ? {} : { action }),
    ...(valueAction === undefined ? {} : { valueAction }),
    ...(hashKey === undefined ? {} : { hashKey }),
  };
  // A key that is there and wrong is told above, and not once more as missing.
  const isKeyWrong = given.hashKey !== undefined && hashKey === undefined;
  check.faults.push(...faultsOfRedaction(isKeyWrong ? { ...options, hashKey: 'any' } : options));
  return options;
}

function textsOf(check: Check, name: string, value: unknown): readonly string[] {
  return check.list(name, value).flatMap((entry, i) => {
    if (typeof entry === 'string' && entry !== '') return [entry];
    check.fault(`${name}[${i}]`, entry, 'a text that is not empty');
    return [];
  });
}

function patternsOf(check: Check, value: unknown): readonly Pattern[] {
  return check.list('redaction.patterns', value).flatMap((entry, i) => {
    const at = `redaction.patterns[${i}]`;
    const { kind, pattern, action } = check.object(at, entry ?? null, PATTERN_KEYS);
    const isNamed = typeof kind === 'string' && kind !== '';
    if (!isNamed) check.fault(`${at}.kind`, kind, 'a name for what it finds');
    const isPattern = pattern instanceof RegExp;
    if (!isPattern) check.fault(`${at}.pattern`, pattern, 'a regular expression');
    const known = check.oneOf(`${at}.action`, action, ACTIONS);
    return isNamed && isPattern ? [{ kind, pattern, ...(known === undefined ? {} : { action: known }) }] : [];
  });
}
