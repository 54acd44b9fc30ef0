/**
 * How many events have which attribute, and of what type, by the day of the event: so that nobody has to look through
 * the events for the names. Noted before the events are, so that a name is never missing; events that come again are
 * counted again.
 */
import type { AnyBulkWriteOperation } from 'mongodb';
import type { EventDocument } from './document.ts';
import type { Collections, DayDocument } from './schema.ts';

/** Beyond this many names a writer doesn't count further ones of a day; the events are stored all the same. */
export const MAX_COUNTED_FIELDS = 2_000;
/** Days for which a writer remembers which names it has counted. */
const MAX_DAYS = 100;

export class FieldNotes {
  readonly #collections: Collections;
  readonly #names = new Map<string, Set<string>>();

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  async note(documents: readonly EventDocument[]): Promise<void> {
    const days = new Map<string, Map<string, number>>();
    const truncated = new Set<string>();
    for (const { timestamp, attributes } of documents) {
      const day = timestamp.toISOString().slice(0, -14);
      let counts = days.get(day);
      if (counts === undefined) {
        counts = new Map();
        days.set(day, counts);
      }
      add(counts, 'events');
      const names = this.#namesOf(day);
      for (const name in attributes) {
        if (!names.has(name)) {
          if (names.size >= MAX_COUNTED_FIELDS) {
            truncated.add(day);
            continue;
          }
          names.add(name);
        }
        add(counts, `names.${name}.${typeOf(attributes[name])}`);
      }
    }
    const operations = [...days].map(
      ([_id, counts]): AnyBulkWriteOperation<DayDocument> => ({
        updateOne: {
          filter: { _id },
          update: {
            $inc: Object.fromEntries(counts),
            $setOnInsert: { day: new Date(`${_id}T00:00:00.000Z`) },
            ...(truncated.has(_id) && { $set: { truncated: true } }),
          },
          upsert: true,
        },
      }),
    );
    if (operations.length > 0) await this.#collections.fields.bulkWrite(operations, { ordered: false });
  }

  #namesOf(day: string): Set<string> {
    const known = this.#names.get(day);
    if (known !== undefined) return known;
    const names = new Set<string>();
    this.#names.set(day, names);
    const oldest = this.#names.size > MAX_DAYS ? this.#names.keys().next() : undefined;
    if (oldest?.done === false) this.#names.delete(oldest.value);
    return names;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function typeOf(value: unknown): 'string' | 'number' | 'boolean' | 'json' {
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'json';
}
