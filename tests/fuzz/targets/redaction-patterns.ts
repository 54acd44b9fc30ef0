import { faultsOfRedaction } from '../../../packages/tailrace/src/redaction/check-redaction.ts';
import { compilePath } from '../../../packages/tailrace/src/redaction/path-pattern.ts';
import { checkPattern } from '../../../packages/tailrace/src/redaction/pattern-check.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const SHORT = 2_000;
const FACTOR = 16;
/** Milliseconds; what backtracks without a bound takes seconds for the long text. */
const MOST_PER_SHORT_MS = 60;
const ALPHABET = ['a', '1', ' ', '-', 'aA1-', 'a1', '/', '"'];

/**
 * The user's own patterns and paths: refused with a reason, or searched for in time that grows with the text, whatever the
 * text; a path that is taken doesn't throw.
 */
export const redactionPatterns: FuzzTarget = {
  name: 'redaction-patterns',
  inputs: bytesLike(
    [
      'a',
      '\\d',
      '\\w',
      '[a-z]',
      '[^"]',
      '.',
      '+',
      '*',
      '?',
      '{2,5}',
      '{1,64}',
      '{3,}',
      '(?:',
      ')',
      '|',
      '^',
      '$',
      '\\b',
      '(',
      '[',
      ']',
      '\\1',
      '(?=',
      '-',
      '\\s',
      '**',
      '.*.',
      '[*]',
      'user',
      '.phone',
    ],
    [
      'ID-\\d+x',
      '\\b\\w+@',
      '(?:\\d{4}-){3}\\d{4}',
      'secret=[a-z]{1,64}',
      '(a+)+$',
      '\\d+\\d+x',
      'user.*.phone',
      '**.secret',
      'items[*].card',
    ],
  ),
  check(input) {
    const text = input.toString();
    checkPath(text);
    let pattern: RegExp;
    try {
      pattern = new RegExp(text, 'u');
    } catch {
      return;
    }
    const faults = faultsOfRedaction({ patterns: [{ kind: 'fuzz', pattern }] });
    if (faults.length > 0) {
      holds(
        faults.every((fault) => fault.startsWith('redaction.patterns')),
        'a refusal says where',
      );
      return;
    }
    const taken = checkPattern('fuzz', pattern);
    for (const letters of ALPHABET) checkTime(taken, letters);
  },
};

function checkPath(text: string): void {
  let matches: (path: string) => boolean;
  try {
    matches = compilePath(text);
  } catch (error) {
    holds(error instanceof TypeError && error.message !== '', `a path is refused with a reason: ${String(error)}`);
    return;
  }
  for (const path of ['', 'a', 'user.x.phone', 'a.'.repeat(200), text]) matches(path);
}

function checkTime(pattern: RegExp, letters: string): void {
  const long = letters.repeat((SHORT * FACTOR) / letters.length);
  const before = process.cpuUsage();
  long.replaceAll(pattern, '');
  const { user, system } = process.cpuUsage(before);
  holds(
    (user + system) / 1_000 < MOST_PER_SHORT_MS * FACTOR,
    `${String(pattern)} on ${long.length} of ${JSON.stringify(letters)}`,
  );
}
