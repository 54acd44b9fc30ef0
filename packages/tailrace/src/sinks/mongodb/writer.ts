/**
 * The writing half: lines into MongoDB, each event once.
 *
 *   names     the attributes of the events are noted (field-counts.ts)
 *   events    inserted, unordered, with the majority's journal behind them; one whose id is there is a duplicate
 *   numbers   what is stored now, duplicates too, is noted in the producers' sequences (sequences.ts)
 *   accounts  ledger lines, after the events that they account for
 *
 * A fault at any step leaves what was written, and says of the rest that it is to be sent again; sent again, it changes
 * nothing that is there. An event counts as taken only when its number is noted too, so that the ledger can't miss it.
 */
import { LEDGER_LINE_START, type LedgerAmendment, type LedgerLine } from '../../ledger/index.ts';
import { isAmendment, isLedgerLine, noteAccounts } from './accounts.ts';
import { type EventDocument, toDocument } from './document.ts';
import { DUPLICATE_KEY, isNeverTaken, type MongoConnection, reasonOf } from './driver.ts';
import { FieldNotes } from './field-counts.ts';
import { type Collections, collectionsOf, createSchema } from './schema.ts';
import { SequenceNotes } from './sequences.ts';

export interface WriteOutcome {
  /** Events that were there already, or twice among these. */
  readonly duplicates: number;
  /** Lines that will never be taken; the numbers are places in what was given. */
  readonly refused: readonly { readonly index: number; readonly reason: string }[];
  /** Lines that are to be sent again. */
  readonly retry: readonly number[];
  /** Why. */
  readonly reason?: string;
}

/** Longer lines could make a document that is too large for MongoDB; sources refuse them long before. */
const MAX_LINE_CHARS = 2 * 1024 * 1024;

interface Placed<T> {
  readonly index: number;
  readonly value: T;
}

export class MongoWriter {
  readonly collections: Collections;
  readonly #connection: MongoConnection;
  readonly #sequences: SequenceNotes;
  readonly #fields: FieldNotes;
  #schema: Promise<void> | undefined;

  constructor(connection: MongoConnection) {
    this.#connection = connection;
    this.collections = collectionsOf(connection);
    this.#sequences = new SequenceNotes(this.collections);
    this.#fields = new FieldNotes(this.collections);
  }

  /** Makes collections and indexes, once; where that fails it is tried again at the next call. */
  ready(): Promise<void> {
    this.#schema ??= this.#connection
      .open()
      .then(() => createSchema(this.#connection))
      .catch((error: unknown) => {
        this.#schema = undefined;
        throw error;
      });
    return this.#schema;
  }

  /** @throws the driver's error where nothing is known to be taken: all of it is to be sent again. */
  async write(lines: readonly string[]): Promise<WriteOutcome> {
    await this.ready();
    const events: Placed<EventDocument>[] = [];
    const accounts: (LedgerLine | LedgerAmendment)[] = [];
    const refused: { index: number; reason: string }[] = [];
    lines.forEach((line, index) => {
      const read = readLine(line);
      if (read.kind === 'event') events.push({ index, value: read.document });
      else if (read.kind === 'account') accounts.push(read.account);
      else refused.push({ index, reason: read.reason });
    });
    const inserted = await this.#insert(events);
    // The accounts of a batch that isn't all there wait for the rest of it.
    if (inserted.retry.length === 0) await noteAccounts(this.collections, accounts, new Date());
    return { ...inserted, refused: [...refused, ...inserted.refused] };
  }

  note(lines: readonly (LedgerLine | LedgerAmendment)[]): Promise<void> {
    return this.ready().then(() => noteAccounts(this.collections, lines, new Date()));
  }

  async #insert(events: readonly Placed<EventDocument>[]): Promise<WriteOutcome> {
    if (events.length === 0) return { duplicates: 0, refused: [], retry: [] };
    const documents = events.map(({ value }) => value);
    await this.#fields.note(documents);
    const faults = await this.#insertDocuments(documents);
    const refused: { index: number; reason: string }[] = [];
    const retry: number[] = [];
    let duplicates = 0;
    let reason: string | undefined;
    const taken: string[] = [];
    events.forEach(({ index, value }, place) => {
      const fault = faults.get(place);
      if (fault === undefined || fault.kind === 'duplicate') {
        taken.push(value._id);
        if (fault !== undefined) duplicates += 1;
      } else if (fault.kind === 'refused') refused.push({ index, reason: fault.reason });
      else {
        retry.push(index);
        reason ??= fault.reason;
      }
    });
    await this.#sequences.note(taken, new Date());
    return { duplicates, refused, retry, ...(reason !== undefined && { reason }) };
  }

  /** @returns by their places the documents that were not inserted. Where it isn't known which, it throws. */
  async #insertDocuments(documents: readonly EventDocument[]): Promise<ReadonlyMap<number, InsertFault>> {
    try {
      await this.collections.events.insertMany([...documents], { ordered: false });
      return new Map();
    } catch (error) {
      const errors = writeErrorsOf(error);
      // Not confirmed by the majority: what was inserted may be gone after a failover.
      if (errors === undefined || hasWriteConcernError(error)) throw error;
      return new Map(errors.map((fault) => [fault.index, faultOf(fault)]));
    }
  }
}

type InsertFault = { readonly kind: 'duplicate' } | { readonly kind: 'refused' | 'retry'; readonly reason: string };

interface WriteFault {
  readonly index: number;
  readonly code: number;
  readonly message: string;
}

function faultOf({ code, message }: WriteFault): InsertFault {
  if (code === DUPLICATE_KEY) {
    // Somebody else's unique index isn't about the event's id: the event is not there.
    const index = /\bindex: (\S+)/.exec(message)?.[1];
    if (index === undefined || index.endsWith('_id_')) return { kind: 'duplicate' };
    return { kind: 'refused', reason: `the unique index ${index} has it already` };
  }
  return { kind: isNeverTaken(code) ? 'refused' : 'retry', reason: message };
}

function writeErrorsOf(error: unknown): readonly WriteFault[] | undefined {
  if (typeof error !== 'object' || error === null || !('writeErrors' in error)) return undefined;
  const list: readonly unknown[] = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  const faults: WriteFault[] = [];
  for (const each of list) {
    if (typeof each !== 'object' || each === null || !('index' in each) || !('code' in each)) return undefined;
    if (typeof each.index !== 'number' || typeof each.code !== 'number') return undefined;
    const message = 'errmsg' in each && typeof each.errmsg === 'string' ? each.errmsg : `error ${each.code}`;
    faults.push({ index: each.index, code: each.code, message: reasonOf(message) });
  }
  return faults.length === 0 ? undefined : faults;
}

function hasWriteConcernError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('result' in error)) return false;
  const { result } = error;
  if (typeof result !== 'object' || result === null || !('getWriteConcernError' in result)) return false;
  return typeof result.getWriteConcernError === 'function' && result.getWriteConcernError() !== undefined;
}

type ReadLine =
  | { readonly kind: 'event'; readonly document: EventDocument }
  | { readonly kind: 'account'; readonly account: LedgerLine | LedgerAmendment }
  | { readonly kind: 'refused'; readonly reason: string };

function readLine(line: string): ReadLine {
  if (line.length > MAX_LINE_CHARS) return { kind: 'refused', reason: `is longer than ${MAX_LINE_CHARS} characters` };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: 'refused', reason: 'is not JSON' };
  }
  if (line.startsWith(LEDGER_LINE_START)) {
    if (isLedgerLine(value) || isAmendment(value)) return { kind: 'account', account: value };
    return { kind: 'refused', reason: 'is no ledger line' };
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const document = isObject ? toDocument(Object(value)) : undefined;
  if (document === undefined) return { kind: 'refused', reason: 'has no event_id or timestamp' };
  return { kind: 'event', document };
}
