/**
 * The name among `names` that is nearest to a misspelt one, `undefined` where none is near.
 *
 * @param bound - letters in which they may differ. @defaultValue more, the longer the name is
 */
export function nearestName(
  name: string,
  names: readonly string[],
  bound = Math.max(name.length < 4 ? 1 : 2, Math.min(4, Math.floor(name.length / 4))),
): string | undefined {
  let best: string | undefined;
  let bestDistance = bound + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
