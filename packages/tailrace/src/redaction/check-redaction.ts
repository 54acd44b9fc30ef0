import type { RedactionOptions } from '../options.ts';
import { HASH_KEY_MISSING, needsHashKey } from './action.ts';
import { compilePath } from './path-pattern.ts';
import { checkPattern } from './pattern-check.ts';

/** All for which `createRedactor` would refuse these options, a sentence each. */
export function faultsOfRedaction(options: RedactionOptions): string[] {
  const { patterns = [], paths = [], keep = [], action, valueAction, hashKey } = options;
  const faults: string[] = [];
  for (const { kind, pattern } of patterns) collect(faults, '', () => checkPattern(kind, pattern));
  for (const path of paths) collect(faults, 'redaction.paths: ', () => compilePath(path));
  for (const path of keep) collect(faults, 'redaction.keep: ', () => compilePath(path));
  const actions = [action, valueAction, ...patterns.map((pattern) => pattern.action)];
  if (needsHashKey(actions, hashKey)) faults.push(HASH_KEY_MISSING);
  return faults;
}

function collect(faults: string[], where: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    faults.push(where + (error instanceof Error ? error.message : String(error)));
  }
}
