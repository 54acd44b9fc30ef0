/**
 * Dead letters in MongoDB: the collection `dead_letters`, one document a letter, its fields as in the letter's JSON, with the
 * letter's id as `_id` and its bytes as `size`.
 */
import type { Collection } from 'mongodb';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import { connect, type MongoConnection, type MongoOptions, readTarget } from 'tailrace/sinks/mongodb';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';

interface LetterDocument {
  readonly _id: string;
  readonly size: number;
  readonly at: string;
  readonly [field: string]: unknown;
}

const COLLECTION = 'dead_letters';
const PART_LETTERS = 200;
/** A bulk of documents is bounded by MongoDB at 48 MB. */
const BULK_LETTERS = 20;
const IDS_AT_ONCE = 100;

export async function openMongoDeadLetters(options: MongoOptions): Promise<DeadLetterStore> {
  const target = readTarget(options);
  return new MongoDeadLetters(await connect(target), `${target.collectionPrefix}${COLLECTION}`);
}

class MongoDeadLetters implements DeadLetterStore {
  readonly kind = 'mongodb';
  readonly #connection: MongoConnection;
  readonly #letters: Collection<LetterDocument>;
  #ready: Promise<unknown> | undefined;

  constructor(connection: MongoConnection, collection: string) {
    this.#connection = connection;
    this.#letters = connection.db.collection<LetterDocument>(collection);
  }

  async put(letters: readonly DeadLetter[]): Promise<void> {
    await this.#open();
    for (let from = 0; from < letters.length; from += BULK_LETTERS) {
      const part = letters.slice(from, from + BULK_LETTERS).map(documentOf);
      await this.#letters.bulkWrite(
        part.map((replacement) => ({ replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } })),
      );
    }
  }

  async *scan(): AsyncGenerator<readonly DeadLetter[]> {
    await this.#open();
    let part: DeadLetter[] = [];
    const sorted = this.#letters.find({}, { batchSize: PART_LETTERS }).sort({ at: 1, _id: 1 });
    for await (const document of sorted) {
      const letter = letterOf(document);
      if (letter !== undefined) part.push(letter);
      if (part.length < PART_LETTERS) continue;
      yield part;
      part = [];
    }
    if (part.length > 0) yield part;
  }

  async find(ids: readonly string[]): Promise<DeadLetter[]> {
    await this.#open();
    const found = await this.#letters.find({ _id: { $in: [...ids] } }).toArray();
    return found.flatMap((document) => letterOf(document) ?? []);
  }

  async remove(ids: readonly string[]): Promise<number> {
    await this.#open();
    let removed = 0;
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
      const part = [...ids.slice(from, from + IDS_AT_ONCE)];
      removed += (await this.#letters.deleteMany({ _id: { $in: part } })).deletedCount;
    }
    return removed;
  }

  async size(): Promise<DeadLettersSize> {
    await this.#open();
    const [total] = await this.#letters
      .aggregate<{ count: number; bytes: number }>([
        { $group: { _id: null, count: { $sum: 1 }, bytes: { $sum: '$size' } } },
      ])
      .toArray();
    return { count: total?.count ?? 0, bytes: total?.bytes ?? 0 };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #open(): Promise<void> {
    await this.#connection.open();
    this.#ready ??= this.#letters.createIndex({ at: 1, _id: 1 });
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }
}

function documentOf(letter: DeadLetter): LetterDocument {
  const text = encodeDeadLetter(letter);
  const { id, ...fields }: Readonly<Record<string, unknown>> = JSON.parse(text);
  return { ...fields, _id: String(id), size: Buffer.byteLength(text), at: letter.at };
}

function letterOf({ _id, size: _, ...fields }: LetterDocument): DeadLetter | undefined {
  return decodeDeadLetter(JSON.stringify({ ...fields, id: _id }));
}
