/**
 * Notes the texts of events while they are inserted, for the index of their segment (text-index.ts). This stands on the way of every
 * event, so a byte, not a bit, is set for each run of characters, and the long text of the attributes is read as bytes.
 */
import { foldCase } from 'tailrace/search-text';
import type { EventRow } from '../event-row.ts';
import { INDEX_BITS, KINDS, PLACES, type Place, placeOfRun, TextIndex } from './text-index.ts';

const FIELDS = PLACES.filter(({ name }) => name !== 'attributes');
const [ATTRIBUTES] = PLACES.filter(({ name }) => name === 'attributes');
/** Fields with few different values: those that were seen are remembered, up to so many of each. */
const FEW_VALUES: ReadonlySet<string> = new Set([
  'level',
  'topic',
  'service',
  'version',
  'environment',
  'host',
  'route',
  'method',
  'user.role',
  'error.code',
  'error.type',
]);
const MAX_REMEMBERED = 500;
const LAST_RUN_OF_THREE = 2 ** 18 - 1;
const BUFFER_BYTES = 64 * 1024;

const encoder = new TextEncoder();
const buffer = new Uint8Array(BUFFER_BYTES);

export class TextNotes {
  readonly #seen = new Uint8Array(INDEX_BITS);
  /** By the number of the field; `undefined` for those with many values. */
  readonly #remembered = FIELDS.map(({ name }) => (FEW_VALUES.has(name) ? new Set<string>() : undefined));

  add({ fields, attributes }: Pick<EventRow, 'fields' | 'attributes'>): void {
    const values = searchedValues(fields);
    for (let i = 0; i < FIELDS.length; i += 1) {
      const place = FIELDS[i];
      const value = values[i];
      if (place === undefined || value === undefined || value === null) continue;
      if (typeof value === 'string') this.#addText(place, value);
      // The store makes a text of it in its own way.
      else this.#seen[place.anything] = 1;
    }
    if (ATTRIBUTES === undefined || attributes === '{}') return;
    const isAscii =
      attributes.length * 3 > BUFFER_BYTES
        ? this.#addRuns(ATTRIBUTES, attributes)
        : this.#addRunsOfBytes(ATTRIBUTES, attributes);
    if (!isAscii) this.#addRuns(ATTRIBUTES, foldCase(attributes));
  }

  #addText(place: Place, text: string): void {
    const remembered = this.#remembered[place.anything];
    if (remembered !== undefined) {
      if (remembered.has(text)) return;
      if (remembered.size < MAX_REMEMBERED) remembered.add(text);
    }
    const isAscii = place.pairs === undefined ? this.#addRuns(place, text) : this.#addPairs(place.pairs, text);
    if (isAscii) return;
    // The case of other letters may fold to one of ASCII.
    if (place.pairs === undefined) this.#addRuns(place, foldCase(text));
    else this.#addPairs(place.pairs, foldCase(text));
  }

  toIndex(): TextIndex {
    return TextIndex.fromSeen(this.#seen);
  }

  /** @returns false where there are characters beyond ASCII */
  #addRuns({ seed }: Place, text: string): boolean {
    const seen = this.#seen;
    const kinds = KINDS;
    let run = 0;
    let codes = 0;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      codes |= code;
      const kind = code < 128 ? (kinds[code] ?? 0) : 0;
      // No kind is 0 within a run, so one of four characters is above all those of three.
      run = kind === 0 ? 0 : ((run << 6) | kind) & 0xffffff;
      if (run > LAST_RUN_OF_THREE) seen[placeOfRun(run, seed)] = 1;
    }
    return codes < 128;
  }

  #addRunsOfBytes({ seed }: Place, text: string): boolean {
    const seen = this.#seen;
    const kinds = KINDS;
    const bytes = buffer;
    const { written } = encoder.encodeInto(text, buffer);
    let run = 0;
    let codes = 0;
    for (let i = 0; i < written; i += 1) {
      const code = bytes[i] ?? 0;
      codes |= code;
      const kind = kinds[code] ?? 0;
      run = kind === 0 ? 0 : ((run << 6) | kind) & 0xffffff;
      if (run > LAST_RUN_OF_THREE) seen[placeOfRun(run, seed)] = 1;
    }
    return codes < 128;
  }

  #addPairs(first: number, text: string): boolean {
    const seen = this.#seen;
    const kinds = KINDS;
    let before = 0;
    let codes = 0;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      codes |= code;
      const kind = code < 128 ? (kinds[code] ?? 0) : 0;
      // With a 0 in it, it is no pair that anybody asks for.
      seen[first + ((before << 6) | kind)] = 1;
      before = kind;
    }
    return codes < 128;
  }
}

/**
 * The values of `TEXT_FIELDS` in their order, each taken by its name: a name that changes from one look to the next costs twice
 * as much as all of this.
 */
export function searchedValues(fields: Readonly<Record<string, unknown>>): readonly unknown[] {
  return [
    fields.event_id,
    fields.level,
    fields.message,
    fields.topic,
    fields.service,
    fields.version,
    fields.environment,
    fields.host,
    fields.route,
    fields.method,
    fields.request_id,
    fields.trace_id,
    fields.span_id,
    fields.parent_span_id,
    fields['user.id'],
    fields['user.role'],
    fields['error.code'],
    fields['error.type'],
    fields['error.message'],
    fields['error.stack'],
  ];
}
