/** Values as JSON text. No text holds half a surrogate pair: it becomes U+FFFD, since many readers refuse it. */

/** No quote, no backslash, no control character, no surrogate. */
const IS_PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
/** An escape that no backslash escapes: the backslashes before it are pairs, from the first of their run. */
const LONE_SURROGATES = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** A string in quotes. Most need no escape, and are not worth a call of `JSON.stringify`. */
export function quote(text: string): string {
  return IS_PLAIN.test(text) ? `"${text}"` : JSON.stringify(text.toWellFormed());
}

export function stringify(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.includes('\\ud') ? text.replace(LONE_SURROGATES, (_, pairs: string) => `${pairs}\ufffd`) : text;
}
