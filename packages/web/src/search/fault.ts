/** The place in a search string that the server calls wrong, cut so that it can be shown in one line. */

export interface FaultExcerpt {
  readonly before: string;
  /** The faulty character; a space at the end of the string. */
  readonly at: string;
  readonly after: string;
}

/** `around` characters on each side, with an ellipsis where something was left out. */
export function excerptFault(query: string, position: number, around = 40): FaultExcerpt {
  const place = Math.max(0, Math.min(query.length, Math.trunc(position)));
  // A character outside the basic plane is two units: don't cut it in half.
  const char = String.fromCodePoint(query.codePointAt(place) ?? 0x20);
  const end = place < query.length ? place + char.length : place;
  const from = Math.max(0, place - around);
  const to = Math.min(query.length, end + around);
  return {
    before: (from > 0 ? '…' : '') + query.slice(from, place),
    at: place < query.length ? char : ' ',
    after: query.slice(end, to) + (to < query.length ? '…' : ''),
  };
}
