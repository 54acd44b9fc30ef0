/**
 * What the processes that see the queue tell the others: one document a process, in the collection `queues`. It is the
 * server's alone, so the library, which makes the other collections, knows nothing of it. MongoDB's clock says when one is old.
 */
import type { Collection } from 'mongodb';
import type { MongoConnection } from 'tailrace/sinks/mongodb';
import type { QueueNote } from '../store.ts';

interface NoteDocument {
  readonly _id: string;
  readonly number: number;
  readonly behindMs: number | null;
  readonly heard: Date;
}

const KEPT_SECONDS = 86_400;
const MAX_NOTES = 1000;

export class QueueNotes {
  readonly #collection: Collection<NoteDocument>;
  #indexed: Promise<unknown> | undefined;

  constructor({ db, target }: MongoConnection) {
    this.#collection = db.collection(`${target.collectionPrefix}queues`);
  }

  async write({ process, number, behindMs }: QueueNote): Promise<void> {
    this.#indexed ??= this.#collection.createIndex(
      { heard: 1 },
      { name: 'retention', expireAfterSeconds: KEPT_SECONDS },
    );
    await this.#indexed.catch((error: unknown) => {
      this.#indexed = undefined;
      throw error;
    });
    await this.#collection.updateOne(
      { _id: process },
      { $set: { number, behindMs: behindMs ?? null }, $currentDate: { heard: true } },
      { upsert: true },
    );
  }

  async read(): Promise<readonly QueueNote[]> {
    const documents = await this.#collection.find({}, { sort: { heard: -1 }, limit: MAX_NOTES }).toArray();
    return documents.map(({ _id, number, behindMs }) => ({ process: _id, number, behindMs: behindMs ?? undefined }));
  }
}
