/** Runs an aggregation on one connection, and turns its sums into measures. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { groupColumnType } from '../../query/compile-aggregation.ts';
import {
  boundDistinct,
  boundExtreme,
  estimateCount,
  estimateRatio,
  estimateShare,
  estimateSignedTotal,
  estimateTotal,
  type TotalStatistics,
} from '../../query/estimate.ts';
import type { Aggregate, Plan } from '../../query/plan.ts';
import { knownFieldType } from '../../query/search-node.ts';
import { numberAt, type Row, readRows } from './database.ts';
import { distributionSql, percentileSql, readPercentiles } from './percentiles.ts';

export interface AggregationAnswer {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly limited: boolean;
  readonly isEstimated: boolean;
  /** What a reader must know of the rows themselves. */
  readonly warnings: readonly string[];
}

export async function runAggregation(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  plan: Plan,
): Promise<AggregationAnswer> {
  const { keys } = aggregation;
  const found = await readGroups(connection, aggregation, plan.limit + 1);
  const limited = found.length > plan.limit;
  const groups = found.slice(0, plan.limit);

  const percentiles = new Map<number, readonly (Measure | null)[]>();
  for (const percentile of aggregation.percentiles) {
    percentiles.set(percentile.index, await readPercentiles(connection, groups, percentile, keys));
  }
  let isEstimated = false;
  const rows = groups.map((group, place) => {
    const row: Record<string, unknown> = {};
    const set = (name: string, value: unknown): void => {
      Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
    };
    if (keys.includes('b')) set('bucket', new Date(numberAt(group, 'b')).toISOString());
    plan.groupBy.forEach((field, i) => {
      set(field, groupValue(field, group[`g${i}`]));
    });
    aggregation.aggregates.forEach((aggregate, i) => {
      const estimated = aggregate.fn === 'percentile' ? percentiles.get(i)?.[place] : measure(aggregate, i, group);
      const value = finite(estimated ?? null);
      if (typeof value === 'object' && value !== null) isEstimated = true;
      set(aggregation.names[i] ?? aggregate.fn, value);
    });
    return row;
  });
  return { columns: columnsOf(aggregation, plan), rows, limited, isEstimated, warnings: hiddenTraffic(plan, groups) };
}

/** Groups by these hold either sampled events or others by their nature. */
const SPLITS_BY_OUTCOME = /^(?:level|status|error\.|sampling\.)/;

/** Groups that show only events that were kept anyway, beside groups that show sampled ones. */
function hiddenTraffic(plan: Plan, groups: readonly Row[]): readonly string[] {
  const complete = groups.filter((group) => numberAt(group, 'sampled') === 0).length;
  if (complete === 0 || complete === groups.length) return [];
  if (plan.groupBy.some((field) => SPLITS_BY_OUTCOME.test(field))) return [];
  return [
    `${complete} of ${groups.length} groups show only events that are always kept (errors, slow requests, critical routes). ` +
      'If they had normal traffic, all of it was sampled away, and their numbers leave it out.',
  ];
}

/** Only what is read more than once becomes a temporary table: most aggregations are one statement. */
async function readGroups(connection: DuckDBConnection, aggregation: Aggregation, limit: number): Promise<Row[]> {
  const { events, percentiles, distinct, keys } = aggregation;
  const groups = groupsSql(aggregation, limit);
  if (percentiles.length + distinct.length === 0) {
    return readRows(connection, `WITH matching AS MATERIALIZED (${events.sql}) ${groups}`, [...events.values]);
  }
  await connection.run(`CREATE TEMP TABLE matching AS ${events.sql}`, [...events.values]);
  for (const { index, column } of percentiles) await connection.run(distributionSql(index, column, keys));
  await connection.run(`CREATE TEMP TABLE answer AS ${groups}`);
  return readRows(connection, 'SELECT * FROM answer ORDER BY r');
}

function columnsOf(aggregation: Aggregation, plan: Plan): Column[] {
  return [
    ...(aggregation.keys.includes('b') ? [{ name: 'bucket', type: 'timestamp' } as const] : []),
    ...plan.groupBy.map((field) => ({ name: field, type: groupColumnType(field) })),
    ...aggregation.names.map((name) => ({ name, type: 'measure' }) as const),
  ];
}

/** One row for each group: traces are summed up first, then groups. */
function groupsSql(aggregation: Aggregation, limit: number): string {
  const { keys } = aggregation;
  const list = (columns: readonly string[]): string => columns.join(', ');
  const groupBy = (columns: readonly string[]): string => (columns.length === 0 ? '' : ` GROUP BY ${list(columns)}`);
  const joins = [
    ...aggregation.distinct.map(({ index, column }) => {
      const distinct = `SELECT ${list([...keys, `count(DISTINCT ${column})::DOUBLE AS a${index}_distinct`])} FROM matching${groupBy(keys)}`;
      return leftJoin(`d${index}`, distinct, keys);
    }),
    ...aggregation.percentiles.map(({ index, p }) => leftJoin(`p${index}`, percentileSql(index, p, keys), keys)),
  ];
  const traces = tracesSql(aggregation);
  const byGroup = `SELECT ${list([...keys, ...aggregation.byGroup])} FROM traces${groupBy(keys)}`;
  const chosen = list(['groups.*', ...joins.map((join) => join.columns)]);
  const joined = `SELECT ${chosen} FROM (${byGroup}) groups${joins.map((join) => join.sql).join('')}`;
  const order = list(aggregation.orderBy);
  return (
    `SELECT row_number() OVER (ORDER BY ${order})::DOUBLE AS r, * FROM (` +
    `WITH traces AS (${traces}) SELECT * FROM (${joined}) ORDER BY ${order} LIMIT ${limit}) ORDER BY r`
  );
}

/** One row for each trace of a group that has several sampled events, and one for each other event. */
function tracesSql({ keys, byEvent, byTrace, clustered }: Aggregation): string {
  const events = `SELECT ${[...keys, ...byEvent].join(', ')} FROM matching`;
  if (!clustered) return events;
  const anyKeys = keys.map((key) => `any_value(${key}) AS ${key}`);
  return (
    `WITH repeated AS MATERIALIZED (SELECT k FROM matching WHERE k IS NOT NULL GROUP BY k HAVING count(*) > 1) ` +
    `${events} ANTI JOIN repeated ON matching.k = repeated.k UNION ALL ` +
    `SELECT ${[...anyKeys, ...byTrace].join(', ')} FROM matching SEMI JOIN repeated ON matching.k = repeated.k GROUP BY matching.k`
  );
}

function leftJoin(
  alias: string,
  select: string,
  keys: readonly string[],
): { readonly sql: string; readonly columns: string } {
  const on = keys.map((key) => `groups.${key} IS NOT DISTINCT FROM ${alias}.${key}`);
  const columns = keys.length === 0 ? `${alias}.*` : `${alias}.* EXCLUDE (${keys.join(', ')})`;
  return { sql: ` LEFT JOIN (${select}) ${alias} ON ${on.length === 0 ? 'true' : on.join(' AND ')}`, columns };
}

function measure(aggregate: Aggregate, i: number, group: Row): Measure | null {
  const at = (name: string): number => numberAt(group, `a${i}_${name}`);
  switch (aggregate.fn) {
    case 'count':
      return estimateCount(totalAt(group, `a${i}`));
    case 'sum': {
      const total = totalAt(group, `a${i}`);
      return at('min') < 0 ? estimateSignedTotal(total, at('clusters')) : estimateTotal(total);
    }
    case 'avg':
      return estimateRatio({
        total: at('total'),
        weight: at('weight'),
        sampledTotal: at('sampled_total'),
        sampledWeight: at('sampled_weight'),
        aa: at('aa'),
        ab: at('ab'),
        bb: at('bb'),
        sampled: at('sampled'),
        clusters: at('clusters'),
        isPositive: at('min') >= 0,
      });
    case 'error_rate':
      return estimateShare(totalAt(group, `a${i}`), totalAt(group, `s${i}`));
    case 'min':
    case 'max':
      return typeof group[`a${i}_value`] === 'number' ? boundExtreme(at('value'), aggregate.fn, at('sampled')) : null;
    case 'distinct':
      return boundDistinct(at('distinct'), totalAt(group, `a${i}`));
    case 'percentile':
      return null;
  }
}

/** Sums of huge values overflow; JSON has no infinity. */
function finite(measure: Measure | null): Measure | null {
  if (measure === null || typeof measure === 'number') return Number.isFinite(measure) ? measure : null;
  if (!Number.isFinite(measure.value)) return null;
  const low = Number.isFinite(measure.low) ? measure.low : -Number.MAX_VALUE;
  const high = Number.isFinite(measure.high) ? measure.high : Number.MAX_VALUE;
  return { ...measure, low, high };
}

function totalAt(group: Row, name: string): TotalStatistics {
  return {
    seen: numberAt(group, `${name}_seen`),
    unseen: numberAt(group, `${name}_unseen`),
    variance: numberAt(group, `${name}_variance`),
    largestUnseen: numberAt(group, `${name}_largest_unseen`),
    largestVariance: numberAt(group, `${name}_largest_variance`),
    sampled: numberAt(group, `${name}_sampled`),
  };
}

function groupValue(field: string, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const type = knownFieldType(field);
  return (type === undefined || type === 'json') && typeof value === 'string' ? JSON.parse(value) : value;
}
