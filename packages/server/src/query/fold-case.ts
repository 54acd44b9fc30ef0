const ASCII = /^[\p{ASCII}]*$/u;

/**
 * Lower case character by character, as DuckDB's `lower` does it: no rule looks at the neighbours (a Greek final sigma), and
 * none makes one character into two.
 */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let folded = '';
  for (const character of text) {
    const [lower = ''] = character.toLowerCase();
    folded += lower;
  }
  return folded;
}
