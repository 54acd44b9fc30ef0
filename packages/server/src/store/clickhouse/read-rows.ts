/** Runs one SELECT with its bounds, and says what its failure means. */
import { type ClickHouseConnection, codeOf, reasonOf } from 'tailrace/sinks/clickhouse';
import { QueryError } from '../../query/query-error.ts';
import { cancelled } from '../query-gate.ts';

export type Row = Readonly<Record<string, unknown>>;
export type ReadRows = (sql: string) => Promise<readonly Row[]>;

export interface QueryLimits {
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
}

const TIMEOUT: ReadonlySet<number> = new Set([159, 160, 209]);
/** MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES, SET_SIZE_LIMIT_EXCEEDED, TOO_DEEP_… */
const TOO_LARGE: ReadonlySet<number> = new Set([241, 158, 307, 396, 191, 167, 168]);
const QUERY_WAS_CANCELLED = 394;
const INFINITE: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
};

/** For one plan: statements that share its parameters, its time and its signal. */
export function rowReader(
  connection: ClickHouseConnection,
  parameters: Readonly<Record<string, unknown>>,
  limits: QueryLimits,
  signal: AbortSignal | undefined,
): ReadRows {
  const untilMs = performance.now() + limits.timeoutMs;
  return async (sql) => {
    if (signal?.aborted) throw cancelled();
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) throw timeout(limits.timeoutMs);
    const late = AbortSignal.timeout(Math.ceil(leftMs) + GRACE_MS);
    try {
      return await connection.withTables(() => select(connection, sql, parameters, limits, leftMs, signal, late));
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      if (late.aborted) throw timeout(limits.timeoutMs);
      throw queryFailure(error, limits);
    }
  };
}

/** ClickHouse ends a query by itself when its time is over; where it doesn't answer at all, this much later. */
const GRACE_MS = 1_000;

async function select(
  connection: ClickHouseConnection,
  sql: string,
  parameters: Readonly<Record<string, unknown>>,
  limits: QueryLimits,
  leftMs: number,
  signal: AbortSignal | undefined,
  late: AbortSignal,
): Promise<readonly Row[]> {
  const result = await connection.client.query({
    query: sql,
    query_params: { ...parameters },
    format: 'JSONEachRow',
    abort_signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    clickhouse_settings: {
      // Nothing but reading, and settings such as these.
      readonly: '2',
      max_execution_time: Math.max(0.001, leftMs / 1_000),
      max_memory_usage: `${limits.maxMemoryBytes}`,
      max_bytes_before_external_group_by: `${Math.floor(limits.maxMemoryBytes / 2)}`,
      max_bytes_before_external_sort: `${Math.floor(limits.maxMemoryBytes / 2)}`,
      // A query whose client has gone is stopped.
      cancel_http_readonly_queries_on_client_close: 1,
      // An error within the rows would come too late to be told from them.
      wait_end_of_query: 1,
      max_query_size: '8388608',
      // Events are in the partition of their day, whoever inserts them.
      do_not_merge_across_partitions_select_final: 1,
      // The rows of a double are the same in all columns, so any of them may be left out early.
      optimize_move_to_prewhere_if_final: 1,
      use_skip_indexes_if_final: 1,
      prefer_column_name_to_alias: 1,
      join_use_nulls: 1,
      precise_float_parsing: 1,
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_denormals: 1,
      output_format_json_escape_forward_slashes: 0,
    },
  });
  return result.json<Record<string, unknown>>();
}

/** A row of numbers, in which JSON has to write infinity as text. */
export function withInfinities(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => {
    const isSum = name.startsWith('a') || name.startsWith('s');
    return isSum && typeof value === 'string' ? [name, INFINITE[value] ?? value] : [name, value];
  });
  return Object.fromEntries(entries);
}

function queryFailure(error: unknown, { timeoutMs }: QueryLimits): unknown {
  const code = codeOf(error);
  if (code === undefined) {
    if (error instanceof Error && error.message === 'Timeout error.') return timeout(timeoutMs);
    return error;
  }
  if (code === QUERY_WAS_CANCELLED) return cancelled();
  if (TIMEOUT.has(code)) return timeout(timeoutMs);
  if (TOO_LARGE.has(code)) {
    const hint = 'take a shorter range or fewer groups, or let queries take more memory';
    return new QueryError('QUERY_TOO_LARGE', 'the query needs more memory than it may take', undefined, hint);
  }
  return new Error(reasonOf(error), { cause: error });
}

function timeout(timeoutMs: number): QueryError {
  return new QueryError(
    'QUERY_TIMEOUT',
    `the query took longer than ${timeoutMs} ms and was stopped`,
    undefined,
    'take a shorter range, or filter by a known field such as service or route',
  );
}
