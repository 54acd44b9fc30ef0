/** One secret in a string. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
  /** What stands in its place where the action is `mask`. */
  readonly mask: string;
  /** What is hashed where the action is `hash`, so that `4111 1111…` and `41111111…` join. */
  readonly canonical: string;
  /** True where a name gave it away (`password=…`), so that the action for names holds. */
  readonly byName: boolean;
}

export function byValue(start: number, end: number, kind: string, mask: string, canonical: string): Finding {
  return { start, end, kind, mask, canonical, byName: false };
}

/** Findings in order, with those that overlap made one, which takes the place of the longest. */
export function mergeFindings(findings: readonly Finding[]): Finding[] {
  const sorted = [...findings].sort((a, b) => a.start - b.start || b.end - a.end);
  const merged: Finding[] = [];
  for (const finding of sorted) {
    const last = merged.at(-1);
    if (last === undefined || finding.start >= last.end) {
      merged.push(finding);
    } else if (finding.end > last.end) {
      const longest = finding.end - finding.start > last.end - last.start ? finding : last;
      merged[merged.length - 1] = { ...longest, start: last.start, end: finding.end };
    }
  }
  return merged;
}
