/**
 * The store on ClickHouse, which any number of writers and query nodes share.
 *
 * An insert is durable when it resolves, and may be repeated: a double has the same key, and no query sees two of a
 * key. So there is nothing to commit. Tables, rows and inserts are the library's (`tailrace/sinks/clickhouse`), since an
 * application may write to the same tables without a server.
 */
import { EVENT_FIELDS } from 'tailrace/event';
import {
  batchIdOf,
  type ClickHouseConnection,
  type ClickHouseOptions,
  connect,
  EVENTS_TABLE,
  faultOf,
  insertEvents,
  readTarget,
  toRow,
} from 'tailrace/sinks/clickhouse';
import type { Answer } from '../../query/answer.ts';
import { NO_COLUMNS } from '../../query/attribute-sql.ts';
import { compileAggregation } from '../../query/compile-aggregation.ts';
import { asksForEvents, type PlanContext } from '../../query/compile-plan.ts';
import type { AggregationAnswer } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import { resolveBucketMs, resolveRange } from '../../query/time.ts';
import { QueryGate } from '../query-gate.ts';
import type { FieldInfo, QueryOptions, SharedLedger, Store, StoredLine, StoreStats } from '../store.ts';
import { namedAttributes, unknownFields } from '../unknown-fields.ts';
import { clickHouseDialect, compileEvents, EVENT_COLUMNS, EVENTS, readEvent } from './compile-plan.ts';
import { FieldNames } from './field-names.ts';
import { type QueryLimits, rowReader } from './read-rows.ts';
import { runAggregation } from './run-aggregation.ts';
import { sharedLedger } from './shared-ledger.ts';
import { Parameters } from './sql.ts';
import { readStats } from './stats.ts';
import { prepareEvents, type TableState } from './table-state.ts';

export interface ClickHouseStoreOptions extends Omit<ClickHouseOptions, 'retentionDays' | 'name'> {
  /**
   * What leaves the store by itself: the table's TTL is made to follow it. Left out, the TTL stays as it is (30 days in a
   * new table).
   */
  readonly retention?: { readonly maxAgeMs?: number };
  /** Attributes that get a column of their own, which makes searching and grouping by them cheaper. */
  readonly promote?: readonly string[];
  /** Queries that run at once; as many as sixteen times that wait. @defaultValue 4 */
  readonly maxQueries?: number;
  /** After this many milliseconds a query is stopped. @defaultValue 30000 */
  readonly queryTimeoutMs?: number;
  /** Memory that one query may take on the server, in bytes. @defaultValue 1 GiB */
  readonly queryMemoryBytes?: number;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

/**
 * Opens the store, and makes its tables where they are missing. A ClickHouse that doesn't answer now is no error: inserts and
 * queries fail until it does.
 *
 * @throws TypeError where the address can't be called, MissingDriverError where `@clickhouse/client` isn't installed,
 * LaterVersionError where the tables are of a later version, ClickHouse's error where it refuses the user.
 */
export async function openClickHouseStore(options: ClickHouseStoreOptions): Promise<Store> {
  const queryTimeoutMs = options.queryTimeoutMs ?? 30_000;
  // A query is stopped by its own clock, so the connection's must not be the first.
  const target = readTarget({ ...options, timeoutMs: Math.max(options.timeoutMs ?? 30_000, queryTimeoutMs + 5_000) });
  const connection = await connect(target);
  const store = new ClickHouseStore(connection, options);
  try {
    await store.start();
  } catch (error) {
    if (faultOf(error).kind === 'away') return store;
    await store.close();
    throw error;
  }
  return store;
}

const STATS_AGE_MS = 5_000;
const NO_STATS: StoreStats = {
  events: 0,
  segments: 0,
  bytes: 0,
  hotEvents: 0,
  quarantined: [],
  retired: { events: 0, bytes: 0 },
};

class ClickHouseStore implements Store {
  readonly checkpoint = undefined;
  readonly sharedLedger: SharedLedger;
  readonly #connection: ClickHouseConnection;
  readonly #options: ClickHouseStoreOptions;
  readonly #gate: QueryGate;
  readonly #limits: QueryLimits;
  readonly #clock: () => number;
  readonly #fieldNames: FieldNames;
  readonly #working = new Set<Promise<unknown>>();
  #table: Promise<TableState> | undefined;
  #stats = NO_STATS;
  #statsAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(connection: ClickHouseConnection, options: ClickHouseStoreOptions) {
    this.#connection = connection;
    this.#options = options;
    const maxRunning = options.maxQueries ?? 4;
    this.#gate = new QueryGate({ maxRunning, maxWaiting: maxRunning * 16 });
    this.#limits = {
      timeoutMs: options.queryTimeoutMs ?? 30_000,
      maxMemoryBytes: options.queryMemoryBytes ?? 1 << 30,
    };
    this.#clock = options.clock ?? Date.now;
    this.#fieldNames = new FieldNames(connection);
    this.sharedLedger = sharedLedger(connection, this.#clock);
  }

  async start(): Promise<void> {
    await this.#prepared();
    await this.#refreshStats();
  }

  insert(lines: readonly StoredLine[]): Promise<void> {
    return this.#track(async () => {
      if (lines.length === 0) return;
      await this.#prepared();
      const rows = lines.map(({ line }) => toRow(Object(JSON.parse(line))));
      await insertEvents(this.#connection, rows, batchIdOf(lines.map(({ line }) => Buffer.from(line))));
      this.#fieldNames.forget();
    });
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  query(plan: Plan, signal?: AbortSignal, options: QueryOptions = {}): Promise<Answer> {
    return this.#track(async () => {
      const startedMs = performance.now();
      const nowMs = this.#clock();
      const range = resolveRange(plan, nowMs);
      const context: PlanContext = {
        plan,
        range,
        search: parseSearch(plan.where, nowMs),
        bucketMs: plan.bucket === undefined ? undefined : resolveBucketMs(plan.bucket, range),
      };
      const { columns, rows, limited, isEstimated, warnings } = await this.#gate.run(
        () => this.#run(context, signal, options),
        signal,
      );
      return {
        columns,
        rows,
        meta: {
          accuracy: isEstimated ? 'estimated' : 'exact',
          limited,
          from: new Date(range.fromMs).toISOString(),
          to: new Date(range.toMs).toISOString(),
          ...(context.bucketMs === undefined ? {} : { bucketMs: context.bucketMs }),
          scanned: { segments: this.stats().segments, hotEvents: 0 },
          elapsedMs: Math.round(performance.now() - startedMs),
          warnings: [...(await this.#warnings(context)), ...warnings],
        },
      };
    });
  }

  event(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#track(async () => {
      await this.#prepared();
      const parameters = new Parameters();
      // Of a double any row will do, so there is no need to read with FINAL.
      const sql = `SELECT ${EVENT_COLUMNS} FROM ${EVENTS_TABLE} WHERE event_id = ${parameters.text(id)} LIMIT 1`;
      const [row] = await rowReader(this.#connection, parameters.values, this.#limits, undefined)(sql);
      return row === undefined ? undefined : readEvent(row);
    });
  }

  fields(): Promise<readonly FieldInfo[]> {
    return this.#track(async () => {
      await this.#prepared();
      const known = Object.entries(EVENT_FIELDS).map(([name, type]) => ({ name, type, presence: 1 }));
      return [...known, ...(await this.#fieldNames.read()).fields];
    });
  }

  /** Of the last few seconds: ClickHouse is asked in the background. Doubles count until they are merged. */
  stats(): StoreStats {
    const nowMs = performance.now();
    if (nowMs - this.#statsAtMs > STATS_AGE_MS && this.#closing === undefined) {
      this.#statsAtMs = nowMs;
      // A ClickHouse that is away is told by what fails for it; these numbers are then the last known ones.
      this.#track(() => this.#refreshStats()).catch(() => {});
    }
    return this.#stats;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#working).then(() => this.#connection.close());
    return this.#closing;
  }

  async #run(
    context: PlanContext,
    signal: AbortSignal | undefined,
    { after }: QueryOptions,
  ): Promise<AggregationAnswer> {
    const { promoted } = await this.#prepared();
    const { plan } = context;
    const columns = { parameters: new Parameters(), promoted };
    const read = rowReader(this.#connection, columns.parameters.values, this.#limits, signal);
    if (asksForEvents(plan)) {
      const rows = await read(compileEvents(context, after, plan.limit + 1, columns));
      const events = rows.slice(0, plan.limit).map(readEvent);
      return { columns: [], rows: events, limited: rows.length > plan.limit, isEstimated: false, warnings: [] };
    }
    const source = [{ table: EVENTS, columns: NO_COLUMNS }];
    const aggregation = compileAggregation(context, source, true, clickHouseDialect(context, columns));
    return runAggregation(read, aggregation, plan);
  }

  async #warnings(context: PlanContext): Promise<readonly string[]> {
    const warnings: string[] = [];
    if (namedAttributes(context).length > 0) {
      const known = await this.#fieldNames.read();
      warnings.push(...unknownFields(context, () => known));
    }
    const { retentionMs } = await this.#prepared();
    const oldestMs = this.#clock() - (retentionMs ?? Number.POSITIVE_INFINITY);
    if (context.range.fromMs < oldestMs) {
      warnings.push(
        `Events from before ${new Date(oldestMs).toISOString()} are retired: the answer has what is left of them.`,
      );
    }
    return warnings;
  }

  #prepared(): Promise<TableState> {
    const { retention, promote = [] } = this.#options;
    this.#table ??= prepareEvents(this.#connection, retention?.maxAgeMs, promote).catch((error: unknown) => {
      this.#table = undefined;
      throw error;
    });
    return this.#table;
  }

  async #refreshStats(): Promise<void> {
    this.#stats = await readStats(this.#connection);
    this.#statsAtMs = performance.now();
  }

  #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new Error('the store is closed'));
    const done = work();
    this.#working.add(done);
    const forget = (): void => {
      this.#working.delete(done);
    };
    done.then(forget, forget);
    return done;
  }
}
