/** @throws TypeError for a pattern that can't be used. */
export function checkPattern(kind: string, pattern: RegExp): RegExp {
  if (kind === '') throw new TypeError('redaction.patterns: a pattern needs a kind');
  return new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}g`);
}
