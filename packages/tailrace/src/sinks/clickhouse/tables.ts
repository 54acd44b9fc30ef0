/**
 * The tables, and how they come to be.
 *
 *   tailrace_events      one row an event; the known fields are columns, the rest is a map from name to JSON text
 *   tailrace_producers   for each producer the sequence numbers of its events, fed by a view on the events
 *   tailrace_ledger      the accounts that producers give, and what their adopters add
 *   tailrace_fields      how many events of a day have which attribute of which type, fed by a view on the events
 *
 * An event that comes twice is two rows with the same key, which ClickHouse makes one when it merges parts, and a reader
 * makes one with FINAL: a double is never seen. Nothing but its own key tells an event apart, so the rows of a
 * double are the same in all columns.
 *
 * The producers' numbers are a bitmap for each insert, and merging parts unites the bitmaps: a number twice is a number. They
 * outlive the events, so retention makes no holes in the ledger.
 *
 * Any number of processes may make the tables at the same time: every statement says IF NOT EXISTS, and a process writes
 * only after its own statements have run, so the views are there before the first event. The version stands in the
 * comment of `tailrace_events`; a later version adds its statements to the list, and a program that is older than the
 * tables refuses to write.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import { EVENT_FIELDS, type EventField } from '../../event.ts';
import { LaterVersionError } from './faults.ts';

export const EVENTS_TABLE = 'tailrace_events';
export const PRODUCERS_TABLE = 'tailrace_producers';
export const LEDGER_TABLE = 'tailrace_ledger';
export const FIELDS_TABLE = 'tailrace_fields';
/** What the columns of promoted attributes begin with. */
export const PROMOTED_PREFIX = 'attribute:';

const VERSION = 1;
const COMMENT = /^tailrace (\d+)$/;

const WORD = 'LowCardinality(Nullable(String)) CODEC(ZSTD(1))';
const TEXT = 'Nullable(String) CODEC(ZSTD(1))';
const NUMBER = 'Nullable(Float64) CODEC(Gorilla, ZSTD(1))';

/** `service`, `timestamp` and `event_id` are the key, and so can't be NULL. */
const COLUMN_TYPES: Readonly<Record<EventField, string>> = {
  schema: WORD,
  event_id: 'String CODEC(ZSTD(1))',
  timestamp: "DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
  level: WORD,
  message: TEXT,
  topic: WORD,
  service: 'LowCardinality(String) CODEC(ZSTD(1))',
  version: WORD,
  environment: WORD,
  host: WORD,
  route: WORD,
  method: WORD,
  status: 'Nullable(Int64) CODEC(ZSTD(1))',
  duration_ms: NUMBER,
  request_id: TEXT,
  trace_id: TEXT,
  span_id: TEXT,
  parent_span_id: TEXT,
  'user.id': TEXT,
  'user.role': WORD,
  'error.code': WORD,
  'error.type': WORD,
  'error.message': TEXT,
  'error.stack': TEXT,
  steps: TEXT,
  'sampling.rule': WORD,
  'sampling.rate': NUMBER,
};

/**
 * - Days are partitions, so that retention drops files instead of rewriting them.
 * - A retry of an insert is told by its token as long as it is among the latest of the window.
 * - An insert is on disk when it is answered, not only in the system's cache.
 */
const EVENTS_SETTINGS =
  'non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, merge_with_ttl_timeout = 3600';
const LEDGER_SETTINGS = 'fsync_after_insert = 1, fsync_part_directory = 1';

const PRODUCER_ID = "substring(event_id, 1, position(event_id, '-') - 1)";
const SEQUENCE = "toUInt64(substring(event_id, position(event_id, '-') + 1))";
const IS_EVENT_ID = "match(event_id, '^[0-9a-z]{8,32}-[1-9][0-9]{0,14}$')";
/** The type of an attribute, by how its JSON begins. */
const TYPE_OF =
  "multiIf(field.2 = '', 'event', startsWith(field.2, '\"'), 'string', startsWith(field.2, 't') OR startsWith(field.2, 'f'), 'boolean', match(field.2, '^[-0-9]'), 'number', 'json')";

function createStatements(retentionDays: number): readonly string[] {
  const columns = Object.keys(EVENT_FIELDS).map((name) => `${quoteName(name)} ${columnType(name)}`);
  return [
    `CREATE TABLE IF NOT EXISTS ${PRODUCERS_TABLE} (
       producer String,
       stored AggregateFunction(groupBitmap, UInt64),
       heard SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
     ) ENGINE = AggregatingMergeTree ORDER BY producer
     TTL toDateTime(heard) + toIntervalYear(2)
     SETTINGS ${LEDGER_SETTINGS}`,
    `CREATE TABLE IF NOT EXISTS ${LEDGER_TABLE} (
       producer String,
       slot String,
       entry SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
       heard SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
     ) ENGINE = AggregatingMergeTree ORDER BY (producer, slot)
     TTL toDateTime(heard) + toIntervalYear(2)
     SETTINGS ${LEDGER_SETTINGS}`,
    `CREATE TABLE IF NOT EXISTS ${FIELDS_TABLE} (
       day Date,
       name String,
       type LowCardinality(String),
       events UInt64
     ) ENGINE = SummingMergeTree(events) ORDER BY (day, name, type)
     TTL day + toIntervalDay(400)`,
    `CREATE TABLE IF NOT EXISTS ${EVENTS_TABLE} (
       ${columns.join(',\n       ')},
       attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
       INDEX by_time timestamp TYPE minmax GRANULARITY 1,
       INDEX by_event event_id TYPE bloom_filter(0.001) GRANULARITY 1,
       INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
       INDEX by_request request_id TYPE bloom_filter(0.001) GRANULARITY 1,
       INDEX by_names mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
       INDEX by_values mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
       INDEX by_status status TYPE minmax GRANULARITY 1,
       INDEX by_duration duration_ms TYPE minmax GRANULARITY 1
     ) ENGINE = ReplacingMergeTree
     PARTITION BY toDate(timestamp)
     ORDER BY (service, timestamp, event_id)
     TTL ${ttlSql(retentionDays * 86_400)}
     SETTINGS ${EVENTS_SETTINGS}
     COMMENT 'tailrace ${VERSION}'`,
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${PRODUCERS_TABLE}_feed TO ${PRODUCERS_TABLE} AS
     SELECT ${PRODUCER_ID} AS producer, groupBitmapState(${SEQUENCE}) AS stored, max(now64(3, 'UTC')) AS heard
     FROM ${EVENTS_TABLE} WHERE ${IS_EVENT_ID} GROUP BY producer`,
    // An entry without a value, which no attribute is, counts the events.
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${FIELDS_TABLE}_feed TO ${FIELDS_TABLE} AS
     SELECT toDate(timestamp) AS day, field.1 AS name, ${TYPE_OF} AS type, count() AS events
     FROM ${EVENTS_TABLE}
     ARRAY JOIN arrayConcat([('', '')], arrayZip(mapKeys(attributes), mapValues(attributes))) AS field
     GROUP BY day, name, type`,
  ];
}

/** When an event may go. A time that the clock of a Date can't tell counts as the nearest that it can. */
export function ttlSql(seconds: number): string {
  const low = "toDateTime64('1970-01-02 00:00:00', 3, 'UTC')";
  const high = "toDateTime64('2070-01-01 00:00:00', 3, 'UTC')";
  return `toDateTime(least(greatest(timestamp, ${low}), ${high})) + toIntervalSecond(${Math.ceil(seconds)})`;
}

/**
 * Makes what is missing.
 *
 * @throws LaterVersionError where the tables were made by a later version than this one.
 */
export async function prepareTables(client: ClickHouseClient, retentionDays: number): Promise<void> {
  const found = await client.query({
    query: 'SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    query_params: { table: EVENTS_TABLE },
    format: 'JSONEachRow',
  });
  const [table] = await found.json<{ comment: string }>();
  const version = Number(COMMENT.exec(table?.comment ?? '')?.[1] ?? 0);
  if (version > VERSION) {
    throw new LaterVersionError(
      `the tables in ClickHouse are of version ${version}, and this program knows version ${VERSION}: update it`,
    );
  }
  // Also where the version is there already: it stands on one of the tables, and a process may have died between two.
  for (const query of createStatements(retentionDays)) await client.command({ query });
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

export function quoteString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function columnType(name: string): string {
  return isField(name) ? COLUMN_TYPES[name] : TEXT;
}

function isField(name: string): name is EventField {
  return Object.hasOwn(EVENT_FIELDS, name);
}
