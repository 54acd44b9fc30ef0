/**
 * The collections and their indexes. Whoever comes first makes them; making them again changes nothing.
 *
 *   events      one document an event (document.ts); a plain collection, since one for time series has no unique key, by
 *               which a retry does no harm
 *   producers   one document a producer: its account, and the numbers that are stored, as far as they are settled
 *   sequences   the numbers that aren't settled yet, as bits (sequences.ts)
 *   fields      one document a day: how many events have which attribute, of what type
 */
import type { Collection, IndexDescription } from 'mongodb';
import { codeOf, type MongoConnection } from './driver.ts';
import { secondsOf } from './options.ts';

/** In BSON a whole number that fits into 32 bits is one of 32 bits, which `$bit` needs. */
export interface BlockDocument {
  readonly _id: string;
  readonly producer: string;
  readonly block: number;
  readonly seen: Date;
  readonly words?: Readonly<Record<string, number>>;
}

export interface ProducerDocument {
  readonly _id: string;
  /** When a writer last heard of it. */
  readonly seen: Date;
  /** Raised with each change of `stored` or `amendment`. */
  readonly revision: number;
  /** from0, to0, from1, to1, … */
  readonly stored: readonly number[];
  /** What orders the accounts: the later one has decided on more events, or was written later. */
  readonly emitted: number;
  readonly noted: string;
  /** JSON, since names in it may mean something to MongoDB. */
  readonly account?: string;
  readonly amendment?: string;
}

export interface DayDocument {
  readonly _id: string;
  readonly day: Date;
  readonly events: number;
  readonly truncated?: boolean;
  readonly names?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface EventIdentity {
  readonly _id: string;
  readonly timestamp: Date;
  readonly [field: string]: unknown;
}

export interface Collections {
  readonly events: Collection<EventIdentity>;
  readonly producers: Collection<ProducerDocument>;
  readonly sequences: Collection<BlockDocument>;
  readonly fields: Collection<DayDocument>;
}

export function collectionsOf({ db, target }: MongoConnection): Collections {
  const name = (suffix: string): string => `${target.collectionPrefix}${suffix}`;
  return {
    events: db.collection(name('events')),
    producers: db.collection(name('producers')),
    sequences: db.collection(name('sequences')),
    fields: db.collection(name('fields')),
  };
}

/** Fields that many events lack have an index of those that have it: a fraction of the size. */
const ofThose = (field: string): Pick<IndexDescription, 'partialFilterExpression'> => ({
  partialFilterExpression: { [field]: { $exists: true } },
});

/** What each is for stands in docs/mongodb.md; each one is paid for with every insert. */
const EVENT_INDEXES: IndexDescription[] = [
  { name: 'newest', key: { timestamp: -1, _id: -1 } },
  { name: 'service', key: { service: 1, timestamp: -1, _id: -1 } },
  { name: 'level', key: { level: 1, timestamp: -1, _id: -1 } },
  { name: 'route', key: { route: 1, timestamp: -1 }, ...ofThose('route') },
  { name: 'error_code', key: { 'error.code': 1, timestamp: -1 }, ...ofThose('error.code') },
  { name: 'trace', key: { trace_id: 1, timestamp: -1 }, ...ofThose('trace_id') },
  { name: 'request', key: { request_id: 1 }, ...ofThose('request_id') },
];

const RETENTION = 'retention';
/** Accounts outlive the last event of their producer by so much: a hole in one can be looked into. */
const ACCOUNT_DAYS = 365;

export async function createSchema(connection: MongoConnection): Promise<void> {
  const { events, producers, sequences, fields } = collectionsOf(connection);
  const { retentionDays } = connection.target;
  await Promise.all([
    events.createIndexes(EVENT_INDEXES).then(() => createRetention(events, 'timestamp', retentionDays)),
    producers
      .createIndexes([{ name: 'seen', key: { seen: -1, _id: 1 } }])
      .then(() => createRetention(producers, 'seen', retentionDays + ACCOUNT_DAYS)),
    sequences
      .createIndexes([{ name: 'producer', key: { producer: 1 } }])
      .then(() => createRetention(sequences, 'seen', retentionDays + ACCOUNT_DAYS)),
    createRetention(fields, 'day', retentionDays + 1),
  ]);
}

/** Makes the collections keep what they hold for so many days from now on, whatever it was before. */
export async function alterRetention(connection: MongoConnection, days: number): Promise<void> {
  const { events, producers, sequences, fields } = collectionsOf(connection);
  for (const [collection, wanted] of [
    [events, days],
    [producers, days + ACCOUNT_DAYS],
    [sequences, days + ACCOUNT_DAYS],
    [fields, days + 1],
  ] as const) {
    const seconds = secondsOf(wanted);
    const index = (await collection.indexes()).find(({ name }) => name === RETENTION);
    if (index === undefined || index.expireAfterSeconds === seconds) continue;
    await connection.db.command({
      collMod: collection.collectionName,
      index: { name: RETENTION, expireAfterSeconds: seconds },
    });
  }
}

/** MongoDB removes a document so long after the time in this field, within a minute or so. */
async function createRetention(
  collection: Pick<Collection, 'createIndex'>,
  field: string,
  days: number,
): Promise<void> {
  try {
    await collection.createIndex({ [field]: 1 }, { name: RETENTION, expireAfterSeconds: secondsOf(days) });
  } catch (error) {
    // It is there with another time, which is the server's to alter.
    if (codeOf(error) !== OPTIONS_CONFLICT && codeOf(error) !== KEYS_CONFLICT) throw error;
  }
}

const OPTIONS_CONFLICT = 85;
const KEYS_CONFLICT = 86;
