/**
 * The embedded store: DuckDB over Parquet segments in a folder.
 *
 * On disk:
 *   manifest.json                                  checkpoint, and the file of each day       (manifest.ts)
 *   manifest/2026-11-21-<id>.json                  the day's segments and attribute names
 *   segments/date=2026-11-21/hour=09/<id>.parquet  events of that hour, sorted by service and time
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
 * Small segments are merged in the background into large ones by the same swap of the manifest (merge-segments.ts). A
 * segment that can't be read is set aside, named in `stats` and in the warnings of answers that it would have been
 * part of; the rest of the store goes on.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { EVENT_FIELDS, parseEventId } from 'tailrace/event';
import type { Answer } from '../../query/answer.ts';
import { asksForEvents, compileAggregation, type PlanContext } from '../../query/compile-plan.ts';
import { nearNames } from '../../query/near-names.ts';
import type { Plan } from '../../query/plan.ts';
import { isEventField, parseSearch, searchedFields } from '../../query/search.ts';
import { resolveBucketMs, resolveRange } from '../../query/time.ts';
import type { Checkpoint, FieldInfo, QueryOptions, Store, StoredLine, StoreStats } from '../store.ts';
import { EVENT_JSON_SQL, readEvent } from './columns.ts';
import { Database, readRows, withInterrupt } from './database.ts';
import { removeFile } from './durable-files.ts';
import { FieldCounter, scaleCounts } from './field-counts.ts';
import { HotTable } from './hot-table.ts';
import { type Day, ManifestFiles, type Segment } from './manifest.ts';
import { QueryGate } from './query-gate.ts';
import { Readers } from './readers.ts';
import { runAggregation } from './run-aggregation.ts';
import { runEvents } from './run-events.ts';
import { type LiveSegment, Snapshot, sourceSql, touches } from './snapshot.ts';
import { type WrittenSegment, writeSegments } from './write-segments.ts';

export interface DuckDbStoreOptions {
  /** Folder of the store; made if it is missing. One process at a time. */
  readonly directory: string;
  /** What DuckDB may take; beyond it, it spills to disk. @defaultValue `512MB` */
  readonly memoryLimit?: string;
  /** DuckDB's threads. @defaultValue the number of cores, at most 4 */
  readonly threads?: number;
  /** Queries that run at once; as many as sixteen times that wait. @defaultValue 2 */
  readonly maxQueries?: number;
  /** After this many milliseconds a query is stopped. @defaultValue 30000 */
  readonly queryTimeoutMs?: number;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

/**
 * Opens the store in a folder, and removes what a crash left unfinished there.
 *
 * @throws Error where the manifest can't be read.
 */
export async function openDuckDbStore(options: DuckDbStoreOptions): Promise<Store> {
  await mkdir(options.directory, { recursive: true });
  // DuckDB compares real paths with the folders that it may read.
  const directory = await realpath(options.directory);
  const files = await ManifestFiles.open(directory);
  await files.removeOrphans();
  const database = await Database.open({
    directory,
    memoryLimit: options.memoryLimit ?? '512MB',
    threads: options.threads ?? Math.min(4, availableParallelism()),
  });
  const store = new DuckDbStore(directory, files, database, options);
  await store.start();
  return store;
}

class DuckDbStore implements Store {
  readonly #directory: string;
  readonly #files: ManifestFiles;
  readonly #database: Database;
  readonly #gate: QueryGate;
  readonly #queryTimeoutMs: number;
  readonly #clock: () => number;
  readonly #segments = new Map<string, LiveSegment>();
  #writer: DuckDBConnection | undefined;
  #current: HotTable | undefined;
  /** Tables that wait for a commit, oldest first. */
  #sealed: HotTable[] = [];
  #tables = 0;
  /** Inserts and the sealing of the hot table, one after another. */
  #inserting: Promise<unknown> = Promise.resolve();
  /** Changes of the manifest, one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(directory: string, files: ManifestFiles, database: Database, options: DuckDbStoreOptions) {
    this.#directory = directory;
    this.#files = files;
    this.#database = database;
    const maxRunning = options.maxQueries ?? 2;
    this.#gate = new QueryGate({ maxRunning, maxWaiting: maxRunning * 16 });
    this.#queryTimeoutMs = options.queryTimeoutMs ?? 30_000;
    this.#clock = options.clock ?? Date.now;
    for (const day of files.current.days.values()) for (const segment of day.segments) this.#addSegment(segment);
  }

  async start(): Promise<void> {
    this.#writer = await this.#database.connect();
    this.#current = await this.#createTable(this.#writer);
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#files.current.checkpoint;
  }

  insert(lines: readonly StoredLine[]): Promise<void> {
    return this.#afterInserts(async () => {
      const { writer, current } = this.#open();
      if (lines.length > 0) await current.insert(writer, lines, this.#directory);
    });
  }

  commit(checkpoint: Checkpoint): Promise<void> {
    const sealed = this.#afterInserts(async () => {
      const { writer, current } = this.#open();
      if (current.events > 0) {
        const next = await this.#createTable(writer);
        this.#sealed.push(current);
        this.#current = next;
      }
      return [...this.#sealed];
    });
    return this.#afterChanges(async () => this.#writeTables(await sealed, checkpoint));
  }

  async query(plan: Plan, signal?: AbortSignal, options: QueryOptions = {}): Promise<Answer> {
    const startedMs = performance.now();
    const nowMs = this.#clock();
    const range = resolveRange(plan, nowMs);
    const context: PlanContext = {
      plan,
      range,
      search: parseSearch(plan.where, nowMs),
      bucketMs: plan.bucket === undefined ? undefined : resolveBucketMs(plan.bucket, range),
    };
    return this.#gate.run(async () => {
      const snapshot = this.#snapshot((segment) => touches(segment, range));
      try {
        const result = await this.#database.with((connection) =>
          withInterrupt(connection, this.#queryTimeoutMs, signal, () =>
            this.#run(connection, context, snapshot, options),
          ),
        );
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
            warnings: this.#warnings(context),
          },
        };
      } finally {
        snapshot.release();
      }
    }, signal);
  }

  async event(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const key = parseEventId(id);
    const mayHold = ({ producers }: Segment): boolean => {
      if (producers === undefined || key === undefined) return true;
      const range = Object.hasOwn(producers, key.producer) ? producers[key.producer] : undefined;
      return range !== undefined && range[0] <= key.sequence && key.sequence <= range[1];
    };
    return this.#gate.run(async () => {
      const snapshot = this.#snapshot(mayHold);
      try {
        return await this.#database.with((connection) =>
          withInterrupt(connection, this.#queryTimeoutMs, undefined, async () => {
            const source = sourceSql(this.#directory, snapshot.hot, snapshot.segments);
            const [row] = await readRows(
              connection,
              `SELECT ${EVENT_JSON_SQL}::VARCHAR AS fixed, attributes::VARCHAR AS attributes FROM ${source} WHERE event_id = $1 LIMIT 1`,
              [id],
            );
            if (row === undefined) return undefined;
            return readEvent(String(row.fixed), typeof row.attributes === 'string' ? row.attributes : null);
          }),
        );
      } finally {
        snapshot.release();
      }
    }, undefined);
  }

  fields(): Promise<readonly FieldInfo[]> {
    const known = Object.entries(EVENT_FIELDS).map(([name, type]) => ({ name, type, presence: 1 }));
    const attributes = this.#countFields().toFields();
    attributes.sort((a, b) => b.presence - a.presence || (a.name < b.name ? -1 : 1));
    return Promise.resolve([...known, ...attributes]);
  }

  stats(): StoreStats {
    const segments = [...this.#segments.values()];
    const hotEvents = this.#hotTables().reduce((sum, table) => sum + table.events, 0);
    return {
      events: segments.reduce((sum, { segment }) => sum + segment.rows, hotEvents),
      segments: segments.length,
      bytes: segments.reduce((sum, { segment }) => sum + segment.bytes, 0),
      hotEvents,
      quarantined: this.#files.current.quarantined.map(({ segment, reason }) => ({ segment, reason })),
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#inserting.catch(() => undefined);
    await this.#changing.catch(() => undefined);
    this.#writer?.closeSync();
    this.#database.close();
  }

  async #run(connection: DuckDBConnection, context: PlanContext, snapshot: Snapshot, options: QueryOptions) {
    if (asksForEvents(context.plan)) {
      const { rows, limited } = await runEvents(connection, this.#directory, context, snapshot, options.after);
      return { columns: [], rows, limited, isEstimated: false };
    }
    const source = sourceSql(this.#directory, snapshot.hot, snapshot.segments);
    const aggregation = compileAggregation(context, source, snapshot.isSampled);
    return runAggregation(connection, aggregation, context.plan);
  }

  async #writeTables(tables: readonly HotTable[], checkpoint: Checkpoint): Promise<void> {
    const written: WrittenSegment[] = [];
    const fields = new FieldCounter();
    await this.#database.with(async (connection) => {
      for (const table of tables) {
        written.push(...(await writeSegments(connection, this.#directory, table.name, this.#clock())));
        fields.addCounts(table.fields.toCounts());
      }
    });
    const { days, quarantined } = this.#files.current;
    await this.#files.replace({ checkpoint, days: addToDays(days, written, fields), quarantined });
    for (const { segment } of written) this.#addSegment(segment);
    this.#sealed = this.#sealed.filter((table) => !tables.includes(table));
    for (const table of tables) table.readers.retire();
  }

  #addSegment(segment: Segment): void {
    const readers = new Readers(() => removeFile(join(this.#directory, segment.path)));
    this.#segments.set(segment.path, { segment, readers });
  }

  #snapshot(isNeeded: (segment: Segment) => boolean): Snapshot {
    const segments = [...this.#segments.values()].filter(({ segment }) => isNeeded(segment));
    return new Snapshot(this.#hotTables(), segments);
  }

  #hotTables(): readonly HotTable[] {
    return [...this.#sealed, ...(this.#current === undefined ? [] : [this.#current])];
  }

  #countFields(): FieldCounter {
    const counter = new FieldCounter();
    for (const day of this.#files.current.days.values()) counter.addCounts(day.fields);
    for (const table of this.#hotTables()) counter.addCounts(table.fields.toCounts());
    return counter;
  }

  #warnings(context: PlanContext): readonly string[] {
    const { plan, search, range } = context;
    const used = [...searchedFields(search), ...plan.groupBy, ...plan.aggregates.flatMap(({ field }) => field ?? [])];
    const unknown = [...new Set(used)].filter((field) => !isEventField(field));
    const warnings: string[] = [];
    if (unknown.length > 0) {
      const counter = this.#countFields();
      for (const field of unknown) {
        if (counter.has(field) || counter.truncated) continue;
        const near = nearNames(field, [...Object.keys(EVENT_FIELDS), ...counter.names()]);
        const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
        warnings.push(`No event has the field "${field}".${hint}`);
      }
    }
    for (const quarantined of this.#files.current.quarantined) {
      if (!touches(quarantined, range)) continue;
      warnings.push(`${quarantined.rows} events are missing: their segment ${quarantined.segment} could not be read.`);
    }
    return warnings;
  }

  async #createTable(writer: DuckDBConnection): Promise<HotTable> {
    this.#tables += 1;
    return HotTable.create(writer, this.#tables, async (name) => {
      if (!this.#isClosed) await this.#database.with((connection) => connection.run(`DROP TABLE ${name}`));
    });
  }

  #open(): { readonly writer: DuckDBConnection; readonly current: HotTable } {
    if (this.#isClosed || this.#writer === undefined || this.#current === undefined) {
      throw new Error('the store is closed');
    }
    return { writer: this.#writer, current: this.#current };
  }

  #afterInserts<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#inserting.then(work, work);
    this.#inserting = done.catch(() => undefined);
    return done;
  }

  #afterChanges<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work, work);
    this.#changing = done.catch(() => undefined);
    return done;
  }
}

/** The days with what was written; a day that got nothing is the same object as before. */
function addToDays(
  days: ReadonlyMap<string, Day>,
  written: readonly WrittenSegment[],
  fields: FieldCounter,
): Map<string, Day> {
  const next = new Map(days);
  const rows = written.reduce((sum, { segment }) => sum + segment.rows, 0);
  for (const name of new Set(written.map(({ day }) => day))) {
    const before = days.get(name);
    const added = written.filter(({ day }) => day === name).map(({ segment }) => segment);
    const share = added.reduce((sum, segment) => sum + segment.rows, 0) / Math.max(1, rows);
    const counter = new FieldCounter();
    if (before !== undefined) counter.addCounts(before.fields);
    counter.addCounts(scaleCounts(fields.toCounts(), share));
    next.set(name, { segments: [...(before?.segments ?? []), ...added], fields: counter.toCounts() });
  }
  return next;
}
