/**
 * The store port: where events can be queried.
 *
 * A store takes batches from the writer. What `insert` took is seen by queries at once; what `commit` confirmed survives
 * a crash. The checkpoint that goes into a commit says how much of the queue the store then holds: both become durable in
 * one atomic step, so that after a crash the writer starts again exactly where the store ends: nothing is missing and
 * nothing is twice.
 */
import type { Intervals, LedgerAmendment, LedgerLine } from 'tailrace/ledger';
import type { Answer } from '../query/answer.ts';
import type { Plan } from '../query/plan.ts';
import type { EventRow } from './event-row.ts';

/** What the store holds: JSON, written and read by the writer, opaque to the store. */
export interface Checkpoint {
  /** The place in the queue up to which everything is in the store. */
  readonly position: string;
  /** For each producer the sequence numbers that are stored and its latest account (see `writer/ledger-book.ts`). */
  readonly ledger: unknown;
}

/**
 * An event that the writer has checked: `line` is its canonical JSON (as `JSON.stringify` writes it, on one line), and the
 * fields of `EVENT_FIELDS` have the types of that table. A known field whose value doesn't fit is the writer's to move to
 * an attribute: a store may read it as missing.
 */
export interface StoredLine {
  readonly line: string;
  readonly timestampMs: number;
  /** The event taken apart, where somebody has done it already: saves the store from parsing the line again. */
  readonly row?: EventRow;
}

/** The place of an event in the order newest first: by timestamp, then by event id. */
export interface EventKey {
  /** RFC 3339, as in the event. */
  readonly timestamp: string;
  readonly eventId: string;
}

export interface QueryOptions {
  /** For a plan that answers with events: only those older than this one, to go on where the last answer ended. */
  readonly after?: EventKey;
}

export interface FieldInfo {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'timestamp' | 'json';
  /** Share of the known events that have it, in [0, 1]; 1 for fields whose presence isn't counted. */
  readonly presence: number;
}

/** What a shared store knows of one producer. */
export interface StoredAccount {
  readonly producer: string;
  /** The sequence numbers that are stored, or were until retention took them. */
  readonly stored: Intervals;
  /** The latest account that the producer gave, and what its adopters added. */
  readonly lines: readonly (LedgerLine | LedgerAmendment)[];
}

/** What a process that sees the queue tells those that don't (see `writer/queue-sight.ts`). */
export interface QueueNote {
  /** Who tells, by the name of its data folder: a process that is started again is the same one. */
  readonly process: string;
  /** Which of its notes this is: the next one has a higher number, also after a start. */
  readonly number: number;
  /**
   * What was published longer ago than this is out of the queue, in milliseconds before the note was made; `undefined` while
   * the process doesn't know. No time of day, since the clocks of two machines differ.
   */
  readonly behindMs: number | undefined;
}

/** The ledger of a store that several writers share: it is kept in the store, since no writer has seen everything. */
export interface SharedLedger {
  /** Takes the accounts of producers; a later one replaces an earlier one. The same line twice changes nothing. */
  note(lines: readonly (LedgerLine | LedgerAmendment)[]): Promise<void>;
  /** The accounts of the producers that were heard last, at most `limit`. */
  accounts(limit: number): Promise<readonly StoredAccount[]>;
  /** Takes the place of what the process has told before. */
  noteQueue(note: QueueNote): Promise<void>;
  /** The last note of each process that has told something within a day. */
  queueNotes(): Promise<readonly QueueNote[]>;
}

/**
 * Some lines of an insert can never be taken, whatever is tried: the writer makes dead letters of them and inserts the others
 * again. Nothing of the insert was taken.
 */
export class LinesRefusedError extends Error {
  override readonly name = 'LinesRefusedError';
  readonly refused: readonly { readonly index: number; readonly reason: string }[];

  /** @param refused - by their index in the lines of the insert */
  constructor(refused: readonly { readonly index: number; readonly reason: string }[]) {
    super(`the store refuses ${refused.length} lines: ${refused[0]?.reason ?? ''}`);
    this.refused = refused;
  }
}

export interface Store {
  /**
   * For a store that several writers share. It takes each event once by its id, whoever inserts it; what `insert` has
   * taken is durable when it resolves, `commit` has nothing to do, and `checkpoint` is `undefined`.
   */
  readonly sharedLedger?: SharedLedger;
  /** What was last committed, `undefined` in a new store. */
  readonly checkpoint: Checkpoint | undefined;
  /**
   * Takes all of these lines, or, where it rejects, none of them. A shared store may have taken some: it knows them when they
   * come again.
   *
   * @throws LinesRefusedError where the fault lies in the lines; any other error is the store's, and is tried again.
   */
  insert(lines: readonly StoredLine[]): Promise<void>;
  /**
   * Makes durable exactly what was inserted before this call, together with the checkpoint. `insert` may be called while
   * it is under way: those lines belong to the next commit. Where it rejects, the lines stay, for the next commit.
   */
  commit(checkpoint: Checkpoint): Promise<void>;
  /**
   * Runs a plan.
   *
   * @throws QueryError where the plan can't be run as it is, with the place of the fault.
   */
  query(plan: Plan, signal?: AbortSignal, options?: QueryOptions): Promise<Answer>;
  /** One event by its id. */
  event(id: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** The fields that events have, from metadata: never a scan. */
  fields(): Promise<readonly FieldInfo[]>;
  /** Numbers for health and metrics. */
  stats(): StoreStats;
  close(): Promise<void>;
}

export interface StoreStats {
  readonly events: number;
  readonly segments: number;
  readonly bytes: number;
  readonly hotEvents: number;
  /** Segments that could not be read and were set aside, with the reason. */
  readonly quarantined: readonly { readonly segment: string; readonly reason: string }[];
  /** What retention took out since the store was made; it isn't part of the numbers above. */
  readonly retired: { readonly events: number; readonly bytes: number };
  /** Why the last merge or retirement failed; it is tried again. */
  readonly upkeepFailure?: string;
}
