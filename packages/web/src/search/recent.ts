/** Searches that were run lately, newest first, without doubles. */
const LIMIT = 12;

export function rememberSearch(recent: readonly string[], query: string): string[] {
  const trimmed = query.trim();
  if (trimmed === '') return [...recent];
  return [trimmed, ...recent.filter((other) => other !== trimmed)].slice(0, LIMIT);
}
