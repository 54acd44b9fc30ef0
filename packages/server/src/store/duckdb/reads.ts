/** Runs what reads from the store: in its lane, over a snapshot of one moment, within its time, past segments that can't be read. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { QueryError } from '../../query/query-error.ts';
import { type Lane, QueryLanes } from '../query-lanes.ts';
import { type Database, isOutOfMemory, withInterrupt } from './database.ts';
import { findUnreadable } from './find-unreadable.ts';
import type { HotTable } from './hot-table.ts';
import type { Segment } from './manifest.ts';
import type { SegmentSet } from './segment-set.ts';
import { Snapshot } from './snapshot.ts';

export interface ReadsOptions {
  readonly directory: string;
  readonly database: Database;
  readonly segments: SegmentSet;
  /** What is in no segment yet. */
  readonly hotTables: () => readonly HotTable[];
  /** Analyses that run at once. */
  readonly maxQueries: number;
  readonly timeoutMs: number;
}

export interface Read<T> {
  readonly lane: Lane;
  readonly isNeeded: (segment: Segment) => boolean;
  readonly signal: AbortSignal | undefined;
  readonly work: (connection: DuckDBConnection, snapshot: Snapshot) => Promise<T>;
}

/** How often a query is run again after segments that it could not read were set aside. */
const MAX_ATTEMPTS = 3;

export class Reads {
  readonly #options: ReadsOptions;
  readonly #lanes: QueryLanes;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#lanes = new QueryLanes(options.maxQueries);
  }

  async run<T>(read: Read<T>): Promise<T> {
    const running = this.#lanes.run(read.lane, () => this.#attempt(read), read.signal);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when those that have begun are over. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Where it fails for a segment that can't be read, that is set aside and the rest read again. */
  async #attempt<T>({ isNeeded, signal, work }: Read<T>): Promise<T> {
    const { database, directory, segments, hotTables, timeoutMs } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const needed = segments.live().filter(({ segment }) => isNeeded(segment));
      const snapshot = new Snapshot(hotTables(), needed);
      try {
        return await database.with((connection) =>
          withInterrupt(connection, timeoutMs, signal, () => work(connection, snapshot)),
        );
      } catch (error) {
        if (error instanceof QueryError || attempt >= MAX_ATTEMPTS) throw error;
        if (isOutOfMemory(error)) throw tooLarge();
        const read = snapshot.segments.map(({ segment }) => segment);
        const unreadable = await findUnreadable(database, directory, read);
        if (unreadable.length === 0) throw error;
        await segments.setAside(unreadable);
      } finally {
        snapshot.release();
      }
    }
  }
}

function tooLarge(): QueryError {
  const hint = 'take a shorter range, fewer groups, or give the store more memory';
  return new QueryError('QUERY_TOO_LARGE', 'the query needs more memory than the store may take', undefined, hint);
}
