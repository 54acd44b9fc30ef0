/**
 * What texts the events of a segment can hold, field by field: asked before a search reads a column, which it then needn't
 * where the answer is no. A word that stands only in error messages costs no look at ids and attributes, and one
 * that stands nowhere costs nothing.
 *
 * Free text matches anywhere within a value, so what is remembered is not words but runs of characters: letters without
 * their case, digits and the underscore. Ids, which are hexadecimal or nearly so, leave pairs of them: few texts that
 * people look for are made of the pairs that ids are made of. All other fields leave runs of four, by their
 * hash, in one table of a fixed size. A text can stand in a field only where all of its runs were seen there. The opposite
 * isn't so: runs of different values, and of the same hash, make it say "may be" where the answer is no.
 *
 * The index of several sets of events is the union of theirs, bit by bit: so a commit has it for nothing from what was noted
 * with each insert (text-notes.ts), and so has a merge. It isn't made smaller when events leave.
 */
import { TEXT_FIELDS } from '../../query/search-node.ts';

/** A field in which free text is looked for; `attributes` are all that have no column of their own. */
export type SearchedField = (typeof TEXT_FIELDS)[number] | 'attributes';

export const SEARCHED_FIELDS: readonly SearchedField[] = [...TEXT_FIELDS, 'attributes'];

const ID_FIELDS: readonly SearchedField[] = [
  'event_id',
  'request_id',
  'trace_id',
  'span_id',
  'parent_span_id',
  'user.id',
];
/** A character is six bits. */
export const PAIRS = 2 ** 12;
const RUNS_LOG2 = 18;
const RUNS = 2 ** RUNS_LOG2;
/** Bits: the fields that may hold anything, then the runs of four, then the pairs of each field of ids. */
const FIRST_RUN = 32;
const FIRST_PAIR = FIRST_RUN + RUNS;
export const INDEX_BITS = FIRST_PAIR + ID_FIELDS.length * PAIRS;

/** Where a field leaves its traces. */
export interface Place {
  readonly name: SearchedField;
  /** The bit that says that the field may hold anything. */
  readonly anything: number;
  /** The first bit of its pairs; `undefined` where runs of four are remembered. */
  readonly pairs: number | undefined;
  /** Tells its runs from those of other fields. */
  readonly seed: number;
}

export const PLACES: readonly Place[] = SEARCHED_FIELDS.map((name, i) => {
  const id = ID_FIELDS.indexOf(name);
  return {
    name,
    anything: i,
    pairs: id === -1 ? undefined : FIRST_PAIR + id * PAIRS,
    seed: Math.imul(i + 1, 0x85ebca6b),
  };
});
const PLACE_OF = new Map(PLACES.map((place) => [place.name, place]));

/** Characters, and bytes of UTF-8, as numbers from 1 to 37; 0 for those that end a run. */
export const KINDS = new Uint8Array(256);
[...'abcdefghijklmnopqrstuvwxyz0123456789_'].forEach((character, i) => {
  KINDS[character.charCodeAt(0)] = i + 1;
  KINDS[character.toUpperCase().charCodeAt(0)] = i + 1;
});

/** The bit of a run of four characters. */
export function placeOfRun(run: number, seed: number): number {
  return FIRST_RUN + (Math.imul(run ^ seed, 0x9e3779b1) >>> (32 - RUNS_LOG2));
}

export class TextIndex {
  readonly bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** @returns `undefined` where the bytes are not those of an index */
  static fromBytes(bytes: Uint8Array): TextIndex | undefined {
    return bytes.length === INDEX_BITS / 8 ? new TextIndex(bytes) : undefined;
  }

  /** @param seen - for each bit a byte, 0 or 1 */
  static fromSeen(seen: Uint8Array): TextIndex {
    const bytes = new Uint8Array(INDEX_BITS / 8);
    for (let i = 0; i < INDEX_BITS; i += 1) if (seen[i] === 1) bytes[i >>> 3] = (bytes[i >>> 3] ?? 0) | (1 << (i & 7));
    return new TextIndex(bytes);
  }

  static union(indexes: Iterable<TextIndex>): TextIndex {
    const all = new Uint8Array(INDEX_BITS / 8);
    for (const { bytes } of indexes) for (let i = 0; i < all.length; i += 1) all[i] = (all[i] ?? 0) | (bytes[i] ?? 0);
    return new TextIndex(all);
  }

  /**
   * Whether a value of the field may have this text in it.
   *
   * @param text - its case folded
   */
  mayHold(field: SearchedField, text: string): boolean {
    const place = PLACE_OF.get(field);
    if (place === undefined || this.#has(place.anything)) return true;
    const length = place.pairs === undefined ? 4 : 2;
    for (const word of text.split(/[^a-z0-9_]+/)) {
      for (let from = 0; from + length <= word.length; from += 1) {
        const part = word.slice(from, from + length);
        if (field === 'attributes' && !isInText(part)) continue;
        let run = 0;
        for (let i = 0; i < length; i += 1) run = (run << 6) | (KINDS[part.charCodeAt(i)] ?? 0);
        if (!this.#has(place.pairs === undefined ? placeOfRun(run, place.seed) : place.pairs + run)) return false;
      }
    }
    return true;
  }

  #has(bit: number): boolean {
    return ((this.bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
}

/**
 * True for what can't be a piece of a number, which the store may write in another way than its sender: numbers have no
 * other letter than an e, and stand alone.
 */
function isInText(part: string): boolean {
  return /[a-df-z_]/.test(part);
}
