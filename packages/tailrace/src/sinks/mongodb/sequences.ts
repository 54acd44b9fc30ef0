/**
 * Which numbers of each producer are stored, kept beside the events, so that it is known when retention has taken them.
 *
 * Several writers see parts of a producer's events, in any order, and each part maybe twice. So a number is noted by
 * setting a bit: `$bit` with `or` in a document for each 2,048 numbers (`sequences`). That is right in whatever order,
 * however often, and whoever else does it at the same moment, and no writer has to know what another one knows.
 *
 * A block whose bits are all set says no more than its two ends. It is closed: its range goes into the intervals of the
 * producer's own document, and then the block is removed. A writer that dies between the two leaves a block that says what
 * is known anyway; the next one removes it. So a healthy producer, whatever its age, is one interval and one or two blocks.
 *
 * The intervals are replaced only if nobody has changed them meanwhile (`revision`), else worked out again.
 */
import type { AnyBulkWriteOperation } from 'mongodb';
import { parseEventId } from '../../event.ts';
import { SequenceSet } from '../../ledger/index.ts';
import { codeOf, DUPLICATE_KEY } from './driver.ts';
import type { BlockDocument, Collections, ProducerDocument } from './schema.ts';

const WORD_BITS = 32;
const WORDS = 64;
export const BLOCK_NUMBERS = WORD_BITS * WORDS;
const ALL_SET = -1;
/** Above it a producer numbers its events with so many gaps that its blocks stay as they are. */
const MAX_INTERVALS = 10_000;
/** Blocks of one producer that are looked at to be closed at one time. */
const MAX_CLOSED_AT_ONCE = 512;
const MAX_TRIES = 20;

/** Producers whose highest block this process remembers: only when it rises, the ones below may be full. */
const MAX_REMEMBERED = 10_000;

export class SequenceNotes {
  readonly #collections: Collections;
  readonly #highest = new Map<string, number>();

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  /** Notes that these events are stored. */
  async note(eventIds: Iterable<string>, seen: Date): Promise<void> {
    const blocks = collectBlocks(eventIds);
    if (blocks.size === 0) return;
    const producers = new Map<string, number>();
    const operations: AnyBulkWriteOperation<BlockDocument>[] = [];
    for (const [id, { producer, block, words }] of blocks) {
      producers.set(producer, Math.max(block, producers.get(producer) ?? 0));
      const bits = Object.fromEntries([...words].map(([word, mask]) => [`words.${word}`, { or: mask }]));
      const update = { $bit: bits, $max: { seen }, $setOnInsert: { producer, block } };
      operations.push({ updateOne: { filter: { _id: id }, update, upsert: true } });
    }
    await againIfDuplicate(() => this.#collections.sequences.bulkWrite(operations, { ordered: false }));
    await seeProducers(this.#collections, producers.keys(), seen);
    for (const [producer, block] of producers) {
      const highest = this.#highest.get(producer) ?? 0;
      if (block <= highest) continue;
      await closeBlocks(this.#collections, producer);
      this.#highest.delete(producer);
      this.#highest.set(producer, block);
      const oldest = this.#highest.size > MAX_REMEMBERED ? this.#highest.keys().next() : undefined;
      if (oldest?.done === false) this.#highest.delete(oldest.value);
    }
  }
}

/** Makes the documents of producers that are new, and says that the others were heard of. */
export async function seeProducers({ producers }: Collections, ids: Iterable<string>, seen: Date): Promise<void> {
  const operations: AnyBulkWriteOperation<ProducerDocument>[] = [];
  for (const _id of ids) {
    const update = { $max: { seen }, $setOnInsert: { revision: 0, stored: [], emitted: -1, noted: '' } };
    operations.push({ updateOne: { filter: { _id }, update, upsert: true } });
  }
  if (operations.length > 0) await againIfDuplicate(() => producers.bulkWrite(operations, { ordered: false }));
}

/** The stored numbers of these producers. */
export async function readStored(
  { sequences }: Collections,
  producers: readonly Pick<ProducerDocument, '_id' | 'stored'>[],
): Promise<Map<string, SequenceSet>> {
  const sets = new Map(producers.map(({ _id, stored }) => [_id, setOf(stored)]));
  const cursor = sequences.find({ producer: { $in: [...sets.keys()] } }, { batchSize: 1_000 });
  for await (const block of cursor) {
    const set = sets.get(block.producer);
    if (set !== undefined) addBlock(set, block);
  }
  return sets;
}

/** Writes a document's new state, worked out from the one that it has, unless somebody else was quicker: then again. */
export async function replaceProducer(
  { producers }: Collections,
  producer: string,
  change: (document: ProducerDocument) => Partial<ProducerDocument> | undefined,
): Promise<ProducerDocument | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const document = await producers.findOne({ _id: producer });
    const set = document === null ? undefined : change(document);
    if (document === null || set === undefined) return document ?? undefined;
    const revision = document.revision + 1;
    const { matchedCount } = await producers.updateOne(
      { _id: producer, revision: document.revision },
      { $set: { ...set, revision } },
    );
    if (matchedCount === 1) return { ...document, ...set, revision };
  }
  throw new Error(`the account of producer ${producer} was changed by others ${MAX_TRIES} times while it was written`);
}

interface Block {
  readonly producer: string;
  readonly block: number;
  /** By the word's number the bits that are to be set. */
  readonly words: Map<number, number>;
}

function collectBlocks(eventIds: Iterable<string>): Map<string, Block> {
  const blocks = new Map<string, Block>();
  for (const id of eventIds) {
    const key = parseEventId(id);
    if (key === undefined) continue;
    const place = key.sequence - 1;
    const block = Math.floor(place / BLOCK_NUMBERS);
    const blockId = `${key.producer}/${block}`;
    let known = blocks.get(blockId);
    if (known === undefined) {
      known = { producer: key.producer, block, words: new Map() };
      blocks.set(blockId, known);
    }
    const word = Math.floor((place % BLOCK_NUMBERS) / WORD_BITS);
    known.words.set(word, (known.words.get(word) ?? 0) | (1 << (place % WORD_BITS)));
  }
  return blocks;
}

async function closeBlocks(collections: Collections, producer: string): Promise<void> {
  const { sequences } = collections;
  const blocks = await sequences.find({ producer }, { limit: MAX_CLOSED_AT_ONCE, sort: { _id: 1 } }).toArray();
  const full = blocks.filter(isFull);
  const written = await replaceProducer(collections, producer, ({ stored }) => {
    const set = setOf(stored);
    const before = set.size;
    for (const { block } of full) set.addRange(firstOf(block), firstOf(block) + BLOCK_NUMBERS - 1);
    return set.size === before || set.intervalCount > MAX_INTERVALS ? undefined : { stored: set.intervals().flat() };
  });
  if (written === undefined) return;
  const known = setOf(written.stored);
  const closed = blocks.filter(({ block }) => known.covers(firstOf(block), firstOf(block) + BLOCK_NUMBERS - 1));
  if (closed.length > 0) await sequences.deleteMany({ _id: { $in: closed.map(({ _id }) => _id) } });
}

function isFull({ words = {} }: BlockDocument): boolean {
  for (let word = 0; word < WORDS; word += 1) if (words[word] !== ALL_SET) return false;
  return true;
}

function addBlock(set: SequenceSet, { block, words = {} }: BlockDocument): void {
  for (const [word, bits] of Object.entries(words)) {
    const first = firstOf(block) + Number(word) * WORD_BITS;
    if (bits === ALL_SET) set.addRange(first, first + WORD_BITS - 1);
    else for (let bit = 0; bit < WORD_BITS; bit += 1) if ((bits & (1 << bit)) !== 0) set.add(first + bit);
  }
}

function firstOf(block: number): number {
  return block * BLOCK_NUMBERS + 1;
}

function setOf(stored: readonly number[]): SequenceSet {
  const set = new SequenceSet();
  for (let i = 0; i + 1 < stored.length; i += 2) set.addRange(stored[i] ?? 0, stored[i + 1] ?? 0);
  return set;
}

/** Two writers that make the same new document at the same moment: one of them hears that it is there. */
async function againIfDuplicate<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (codeOf(error) !== DUPLICATE_KEY || tries >= MAX_TRIES) throw error;
    }
  }
}
