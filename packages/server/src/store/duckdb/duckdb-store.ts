/**
 * The embedded store: DuckDB over Parquet segments in a folder.
 *
 * On disk:
 *   manifest.json                                  checkpoint, and the file of each day       (manifest.ts)
 *   manifest/2026-11-21-<id>.json                  the day's segments and attribute names
 *   segments/date=2026-11-21/hour=09/<id>.parquet  events of that hour, sorted by service and time
 *   segments/date=2026-11-21/hour=09/<id>.index    what texts those events can hold   (segment-index.ts)
 *   segments/mixed/<id>.parquet                    events of hours with too few for a file of their own
 *   quarantine/                                    segments that could not be read
 *   tmp/                                           files that aren't finished; emptied at every start
 *
 * Life of an event. `insert` puts it into the hot table, a table in memory: from then on queries find it, and a crash forgets
 * it. `commit` seals the hot table, starts a new one for what comes next, writes the sealed rows as Parquet under a temporary
 * name, syncs and renames the files, and then replaces `manifest.json`, which names the segments together with the
 * checkpoint. That one rename is the commit: before it, a restart finds the previous segments and the previous checkpoint, and removes
 * the new files, so the queue delivers those events again; after it, it finds both new. In the same turn of the event loop
 * the sealed table leaves the view of later queries and the segments enter it, so that none sees an event twice or
 * not at all. Queries that began before keep what they read: a table or file goes when its last reader leaves.
 *
 * A commit that fails (disk full) leaves the sealed table where it is, readable, and the next commit takes it along.
 *
 * Small segments are merged in the background into large ones by the same swap of the manifest (merge-segments.ts), and
 * old ones leave by it (retention.ts). A
 * segment that can't be read is set aside, named in `stats` and in the warnings of answers that it would have been
 * part of; the rest of the store goes on.
 */
import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { DuckDBConnection } from '@duckdb/node-api';
import { EVENT_FIELDS, parseEventId } from 'tailrace/event';
import { makeFolder } from 'tailrace/spool';
import type { Answer } from '../../query/answer.ts';
import { type PlanContext, usedAttributes } from '../../query/compile-plan.ts';
import type { Plan } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import { resolveBucketMs, resolveRange } from '../../query/time.ts';
import { laneOf } from '../query-lanes.ts';
import type { Checkpoint, FieldInfo, QueryOptions, Store, StoredLine, StoreStats } from '../store.ts';
import { Database } from './database.ts';
import { FieldCounter } from './field-counts.ts';
import { findMissing } from './find-unreadable.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { bytesOf, type Segment } from './manifest.ts';
import { DEFAULT_MERGE_LIMITS, type MergeLimits } from './merge-segments.ts';
import { narrowSegments } from './narrow-search.ts';
import { type Read, Reads } from './reads.ts';
import type { RetentionLimits } from './retention.ts';
import { findEvent, runPlan } from './run-plan.ts';
import { SegmentIndexes } from './segment-index.ts';
import { SegmentSet } from './segment-set.ts';
import { touches } from './snapshot.ts';
import { takeTurns } from './turns.ts';
import { Upkeep } from './upkeep.ts';
import { warningsFor } from './warnings.ts';
import { Writes } from './writes.ts';

export interface DuckDbStoreOptions {
  /** Folder of the store; made if it is missing. One process at a time. */
  readonly directory: string;
  /** What DuckDB may take; beyond it, it spills to disk. @defaultValue `512MB` */
  readonly memoryLimit?: string;
  /** DuckDB's threads. @defaultValue the number of cores, at most 4 */
  readonly threads?: number;
  /** Analyses that run at once, beside one search and one look at an event; sixteen times as many wait. @defaultValue 2 */
  readonly maxQueries?: number;
  /** After this many milliseconds a query is stopped. @defaultValue 30000 */
  readonly queryTimeoutMs?: number;
  /** When small segments are merged. */
  readonly merge?: Partial<MergeLimits>;
  /** What leaves the store by itself. @defaultValue nothing does */
  readonly retention?: Partial<RetentionLimits>;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

/**
 * Opens the store in a folder, and removes what a crash left unfinished there.
 *
 * @throws Error where the manifest can't be read, or another process has the folder open.
 */
export async function openDuckDbStore(options: DuckDbStoreOptions): Promise<Store> {
  await makeFolder(options.directory, 0o700);
  // DuckDB compares real paths with the folders that it may read.
  const directory = await realpath(options.directory);
  const lock = lockFolder(directory);
  try {
    const segments = await SegmentSet.open(directory);
    await segments.setAside(await findMissing(directory, segments.segments()));
    const database = await Database.open({
      directory,
      memoryLimit: options.memoryLimit ?? '512MB',
      threads: options.threads ?? Math.min(4, availableParallelism()),
    });
    const writer = await database.connect();
    const indexes = new SegmentIndexes(directory);
    const store = new DuckDbStore({ directory, lock, segments, indexes, database, writer }, options);
    await store.start();
    return store;
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Parts {
  readonly directory: string;
  readonly lock: FolderLock;
  readonly segments: SegmentSet;
  readonly indexes: SegmentIndexes;
  readonly database: Database;
  readonly writer: DuckDBConnection;
}

class DuckDbStore implements Store {
  readonly #parts: Parts;
  readonly #reads: Reads;
  readonly #upkeep: Upkeep;
  readonly #clock: () => number;
  readonly #writes: Writes;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, options: DuckDbStoreOptions) {
    this.#parts = parts;
    this.#clock = options.clock ?? Date.now;
    // The writing of segments, by commits and by the upkeep: each sorts its rows, and two at a time want twice the memory.
    const writeInTurn = takeTurns();
    this.#writes = new Writes({ ...parts, clock: this.#clock, writeInTurn });
    this.#reads = new Reads({
      ...parts,
      hotTables: () => this.#writes.hotTables(),
      maxQueries: options.maxQueries ?? 2,
      timeoutMs: options.queryTimeoutMs ?? 30_000,
    });
    this.#upkeep = new Upkeep({
      ...parts,
      merge: { ...DEFAULT_MERGE_LIMITS, ...options.merge },
      // Read at each turn of the upkeep: it may change while the store is open.
      retention: {
        get maxAgeMs() {
          return options.retention?.maxAgeMs ?? Number.POSITIVE_INFINITY;
        },
        get maxBytes() {
          return options.retention?.maxBytes ?? Number.POSITIVE_INFINITY;
        },
      },
      clock: this.#clock,
      writeInTurn,
    });
  }

  async start(): Promise<void> {
    await this.#writes.start();
    this.#upkeep.wake();
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#parts.segments.checkpoint;
  }

  insert(lines: readonly StoredLine[]): Promise<void> {
    return this.#writes.insert(lines);
  }

  async commit(checkpoint: Checkpoint): Promise<void> {
    await this.#writes.commit(checkpoint);
    this.#upkeep.wake();
  }

  async query(plan: Plan, signal?: AbortSignal, options: QueryOptions = {}): Promise<Answer> {
    const { directory } = this.#parts;
    const startedMs = performance.now();
    const nowMs = this.#clock();
    const range = resolveRange(plan, nowMs);
    const context: PlanContext = {
      plan,
      range,
      search: parseSearch(plan.where, nowMs),
      bucketMs: plan.bucket === undefined ? undefined : resolveBucketMs(plan.bucket, range),
    };
    this.#parts.segments.noteAsked(usedAttributes(context));
    return this.#read({
      lane: laneOf(plan),
      isNeeded: (segment) => touches(segment, range),
      signal,
      work: async (connection, snapshot) => {
        const needed = await narrowSegments(this.#parts.indexes, snapshot.segments, context.search);
        const result = await runPlan(connection, directory, context, snapshot.with(needed), options);
        return {
          columns: result.columns,
          rows: result.rows,
          meta: {
            accuracy: result.isEstimated ? 'estimated' : 'exact',
            limited: result.limited,
            from: new Date(range.fromMs).toISOString(),
            to: new Date(range.toMs).toISOString(),
            ...(context.bucketMs === undefined ? {} : { bucketMs: context.bucketMs }),
            scanned: { segments: snapshot.segments.length, hotEvents: snapshot.hotEvents },
            elapsedMs: Math.round(performance.now() - startedMs),
            warnings: [...warningsFor(context, () => this.#countFields(), this.#parts.segments), ...result.warnings],
          },
        };
      },
    });
  }

  event(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const key = parseEventId(id);
    const isNeeded = ({ producers }: Segment): boolean => {
      if (producers === undefined || key === undefined) return true;
      const range = Object.hasOwn(producers, key.producer) ? producers[key.producer] : undefined;
      return range !== undefined && range[0] <= key.sequence && key.sequence <= range[1];
    };
    return this.#read({
      lane: 'event',
      isNeeded,
      signal: undefined,
      work: (connection, snapshot) => findEvent(connection, this.#parts.directory, snapshot, id),
    });
  }

  fields(): Promise<readonly FieldInfo[]> {
    const known = Object.entries(EVENT_FIELDS).map(([name, type]) => ({ name, type, presence: 1 }));
    const attributes = this.#countFields().toFields();
    attributes.sort((a, b) => b.presence - a.presence || (a.name < b.name ? -1 : 1));
    return Promise.resolve([...known, ...attributes]);
  }

  stats(): StoreStats {
    const segments = this.#parts.segments.segments();
    const hotEvents = this.#writes.hotTables().reduce((sum, table) => sum + table.events, 0);
    const { events, bytes } = this.#parts.segments.retired;
    return {
      events: segments.reduce((sum, { rows }) => sum + rows, hotEvents),
      segments: segments.length,
      bytes: segments.reduce((sum, segment) => sum + bytesOf(segment), 0),
      hotEvents,
      quarantined: this.#parts.segments.quarantined.map(({ segment, reason }) => ({ segment, reason })),
      retired: { events, bytes },
      ...(this.#upkeep.lastFailure === undefined ? {} : { upkeepFailure: this.#upkeep.lastFailure }),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#writes.close(), this.#upkeep.stop(), this.#reads.settled()]);
    await this.#parts.segments.settled();
    this.#parts.writer.closeSync();
    await this.#parts.database.close();
    this.#parts.lock.release();
  }

  async #read<T>(read: Read<T>): Promise<T> {
    if (this.#closing !== undefined) throw new Error('the store is closed');
    return this.#reads.run(read);
  }

  #countFields(): FieldCounter {
    const counter = new FieldCounter();
    for (const day of this.#parts.segments.days.values()) counter.addCounts(day.fields);
    for (const table of this.#writes.hotTables()) counter.addCounts(table.fields.toCounts());
    return counter;
  }
}
