/**
 * What free text is looked for in: the texts of an event, with their case folded. A search and whoever writes events
 * where they are searched must fold alike, so this is shared with the server.
 */

const ASCII = /^[\p{ASCII}]*$/u;

/**
 * Lower case character by character: no rule looks at the neighbours (a Greek final sigma), and none makes one character
 * into two. So do DuckDB's `lower` and every other way that doesn't know the text's language.
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

/** The text of an attribute's value: a string as it is, anything else as the server's stores write its JSON. */
export function searchText(value: unknown): string {
  return typeof value === 'string' ? value : jsonText(value);
}

function jsonText(value: unknown): string {
  if (typeof value === 'number') return String(value).replace('e+', 'e');
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
