/**
 * The store on MongoDB, which any number of writers and query nodes share.
 *
 * An insert is durable when it resolves: the majority has it in its journal. It may be repeated, in whatever pieces, by
 * whomever: an event's id is its document's. So there is nothing to commit. Documents, indexes and the ledger are the
 * library's (`tailrace/sinks/mongodb`), since an application may write to the same collections without a server.
 *
 * A MongoDB that is away fails what is asked of it, and is found again by the driver when it is back.
 */
import {
  alterRetention,
  codeOf,
  connect,
  isNotAllowed,
  type MongoConnection,
  type MongoOptions,
  MongoWriter,
  readAccounts,
  readTarget,
  reasonOf,
  toEvent,
} from 'tailrace/sinks/mongodb';
import type { Answer } from '../../query/answer.ts';
import { asksForEvents, type PlanContext } from '../../query/compile-plan.ts';
import type { AggregationAnswer } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import { resolveBucketMs, resolveRange } from '../../query/time.ts';
import { QueryGate } from '../query-gate.ts';
import type { FieldInfo, QueryOptions, SharedLedger, Store, StoredLine, StoreStats } from '../store.ts';
import { namedAttributes, unknownFields } from '../unknown-fields.ts';
import { compileAggregation } from './compile-aggregation.ts';
import { compileEvents } from './compile-plan.ts';
import { FieldReader } from './known-fields.ts';
import type { StreamRows } from './percentiles.ts';
import { QueueNotes } from './queue-notes.ts';
import { withRows } from './read-rows.ts';
import { runAggregation } from './run-aggregation.ts';
import { readSizes } from './stats.ts';

export interface MongoStoreOptions extends Omit<MongoOptions, 'retentionDays' | 'name'> {
  /**
   * What leaves the store by itself: the indexes that remove events follow it, also when it changes. Left out, they stay
   * as they are (30 days in a new database).
   */
  readonly retention?: { readonly maxAgeMs?: number };
  /** Queries that run at once; as many as sixteen times that wait. @defaultValue 4 */
  readonly maxQueries?: number;
  /** After this many milliseconds a query is stopped. @defaultValue 30000 */
  readonly queryTimeoutMs?: number;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

const DAY_MS = 86_400_000;
const STATS_AGE_MS = 5_000;
const NO_STATS: StoreStats = {
  events: 0,
  segments: 0,
  bytes: 0,
  hotEvents: 0,
  quarantined: [],
  retired: { events: 0, bytes: 0 },
};

/**
 * Opens the store, and makes its collections and indexes where they are missing. A MongoDB that doesn't answer now is no
 * error: inserts and queries fail until it does.
 *
 * @throws TypeError where the address can't be right, MissingDriverError where the package `mongodb` isn't installed, the
 * driver's error where MongoDB refuses the user.
 */
export async function openMongoStore(options: MongoStoreOptions): Promise<Store> {
  const { retention, maxQueries = 4, queryTimeoutMs = 30_000, clock, ...given } = options;
  const days = daysOf(retention?.maxAgeMs);
  const target = readTarget({
    ...given,
    maxConnections: given.maxConnections ?? 10 + maxQueries,
    ...(days !== undefined && { retentionDays: days }),
  });
  // A query is stopped by its own clock, so the connection's must not be the first.
  const connection = await connect({ ...target, timeoutMs: Math.max(target.timeoutMs, queryTimeoutMs) });
  const store = new MongoStore(connection, {
    retention,
    maxQueries,
    queryTimeoutMs,
    clock: clock ?? Date.now,
  });
  try {
    await store.start();
  } catch (error) {
    // Nobody answered, or somebody who will take over in a moment: as opposed to an answer that says no.
    if (!isNotAllowed(error)) return store;
    await store.close();
    throw error;
  }
  return store;
}

interface StoreSettings {
  readonly retention: MongoStoreOptions['retention'];
  readonly maxQueries: number;
  readonly queryTimeoutMs: number;
  readonly clock: () => number;
}

class MongoStore implements Store {
  readonly checkpoint = undefined;
  readonly sharedLedger: SharedLedger;
  readonly #connection: MongoConnection;
  readonly #settings: StoreSettings;
  readonly #writer: MongoWriter;
  readonly #fields: FieldReader;
  readonly #gate: QueryGate;
  readonly #working = new Set<Promise<unknown>>();
  /** The retention that the indexes have, as far as this store has seen to it. */
  #retentionMs: number | undefined;
  #retentionFailure: string | undefined;
  #stats = NO_STATS;
  #statsAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(connection: MongoConnection, settings: StoreSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#writer = new MongoWriter(connection);
    this.#fields = new FieldReader(this.#writer.collections);
    this.#gate = new QueryGate({ maxRunning: settings.maxQueries, maxWaiting: settings.maxQueries * 16 });
    const queueNotes = new QueueNotes(connection);
    this.sharedLedger = {
      note: (lines) => this.#track(() => this.#writer.note(lines)),
      accounts: (limit) => this.#track(() => readAccounts(this.#writer.collections, limit)),
      noteQueue: (note) => this.#track(() => queueNotes.write(note)),
      queueNotes: () => this.#track(() => queueNotes.read()),
    };
  }

  async start(): Promise<void> {
    await this.#writer.ready();
    await this.#upkeep();
  }

  insert(lines: readonly StoredLine[]): Promise<void> {
    return this.#track(async () => {
      if (lines.length === 0) return;
      const { refused, retry, reason } = await this.#writer.write(lines.map(({ line }) => line));
      this.#fields.forget();
      this.#keepUp();
      const [first] = refused;
      if (first !== undefined) throw new Error(`MongoDB refuses ${refused.length} events, the first: ${first.reason}`);
      if (retry.length > 0) throw new Error(`MongoDB took all but ${retry.length} events: ${reason ?? ''}`);
    });
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  query(plan: Plan, signal?: AbortSignal, options: QueryOptions = {}): Promise<Answer> {
    return this.#track(async () => {
      const startedMs = performance.now();
      const nowMs = this.#settings.clock();
      const range = resolveRange(plan, nowMs);
      const context: PlanContext = {
        plan,
        range,
        search: parseSearch(plan.where, nowMs),
        bucketMs: plan.bucket === undefined ? undefined : resolveBucketMs(plan.bucket, range),
      };
      const answer = await this.#read(signal, (stream) => this.#answer(context, stream, options));
      return {
        columns: answer.columns,
        rows: answer.rows,
        meta: {
          accuracy: answer.isEstimated ? 'estimated' : 'exact',
          limited: answer.limited,
          from: new Date(range.fromMs).toISOString(),
          to: new Date(range.toMs).toISOString(),
          ...(context.bucketMs === undefined ? {} : { bucketMs: context.bucketMs }),
          scanned: { segments: 0, hotEvents: 0 },
          elapsedMs: Math.round(performance.now() - startedMs),
          warnings: [...(await this.#warnings(context)), ...answer.warnings],
        },
      };
    });
  }

  event(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#track(() =>
      this.#read(undefined, async (stream) => {
        for await (const document of stream([{ $match: { _id: { $eq: id } } }, { $unset: 'text' }])) {
          return toEvent(document);
        }
        return undefined;
      }),
    );
  }

  fields(): Promise<readonly FieldInfo[]> {
    return this.#track(() => this.#fields.fields());
  }

  /** Of the last few seconds: MongoDB is asked in the background. What retention has removed isn't counted anywhere. */
  stats(): StoreStats {
    this.#keepUp();
    const failure = this.#retentionFailure;
    return { ...this.#stats, ...(failure === undefined ? {} : { upkeepFailure: failure }) };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#working).then(() => this.#connection.close());
    return this.#closing;
  }

  async #answer(context: PlanContext, stream: StreamRows, { after }: QueryOptions): Promise<AggregationAnswer> {
    const { plan } = context;
    if (!asksForEvents(plan)) {
      const aggregation = compileAggregation(context, this.#writer.collections.events.collectionName);
      return runAggregation(stream, aggregation, plan);
    }
    const rows: Record<string, unknown>[] = [];
    for await (const document of stream(compileEvents(context, after, plan.limit + 1))) rows.push(toEvent(document));
    const limited = rows.length > plan.limit;
    return { columns: [], rows: rows.slice(0, plan.limit), limited, isEstimated: false, warnings: [] };
  }

  #read<T>(signal: AbortSignal | undefined, work: (stream: StreamRows) => Promise<T>): Promise<T> {
    const limits = { timeoutMs: this.#settings.queryTimeoutMs };
    return this.#gate.run(() => withRows(this.#writer.collections.events, limits, signal, work), signal);
  }

  async #warnings(context: PlanContext): Promise<readonly string[]> {
    const warnings: string[] = [];
    const named = namedAttributes(context);
    if (named.length > 0) {
      const known = await this.#fields.known(named);
      warnings.push(...unknownFields(context, () => known));
    }
    const oldestMs = this.#settings.clock() - (this.#retentionMs ?? Number.POSITIVE_INFINITY);
    if (context.range.fromMs < oldestMs) {
      warnings.push(
        `Events from before ${new Date(oldestMs).toISOString()} are retired: the answer has what is left of them.`,
      );
    }
    return warnings;
  }

  #keepUp(): void {
    const nowMs = performance.now();
    if (nowMs - this.#statsAtMs <= STATS_AGE_MS || this.#closing !== undefined) return;
    this.#statsAtMs = nowMs;
    // A MongoDB that is away is told by what fails for it; the numbers are then the last known ones.
    this.#track(() => this.#upkeep()).catch(() => {});
  }

  /** The retention may have changed, and the numbers have. */
  async #upkeep(): Promise<void> {
    const wantedMs = this.#settings.retention?.maxAgeMs;
    const days = daysOf(wantedMs);
    if (days !== undefined && wantedMs !== this.#retentionMs) {
      try {
        await alterRetention(this.#connection, days);
        this.#retentionMs = wantedMs;
        this.#retentionFailure = undefined;
      } catch (error) {
        this.#retentionFailure = `changing the retention failed: ${reasonOf(error)} (${codeOf(error) ?? 'no code'})`;
      }
    }
    this.#stats = { ...NO_STATS, ...(await readSizes(this.#writer.collections.events)) };
    this.#statsAtMs = performance.now();
  }

  #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new Error('the store is closed'));
    const done = this.#connection.open().then(work);
    this.#working.add(done);
    const forget = (): void => {
      this.#working.delete(done);
    };
    done.then(forget, forget);
    return done;
  }
}

function daysOf(maxAgeMs: number | undefined): number | undefined {
  return maxAgeMs === undefined ? undefined : maxAgeMs / DAY_MS;
}
