/** The names nearest to one that isn't known, best first: for the hint after a misspelling. */
export function nearNames(name: string, known: Iterable<string>, count = 3): readonly string[] {
  const wanted = name.toLowerCase();
  const farthest = Math.max(1, Math.floor(wanted.length / 3));
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    // `code` for `error.code`: the last part is what people remember.
    const isPart = lower.endsWith(`.${wanted}`) || lower.endsWith(`_${wanted}`);
    const distance = isPart ? 0.5 : editDistance(wanted, lower, farthest);
    if (distance <= farthest) near.push({ name: candidate, distance });
  }
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near.slice(0, count).map((candidate) => candidate.name);
}

/** Insertions, deletions and replacements between two words; anything above `limit` where there are more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? limit + 1;
}
