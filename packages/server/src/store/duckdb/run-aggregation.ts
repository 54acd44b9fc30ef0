/**
 * Runs an aggregation on one connection: in one pass where nothing in reach is sampled (exact-groups.ts), otherwise weighted, by
 * trace and then by group.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { type AggregationAnswer, answerOf } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import type { SqlValue } from '../../query/sql-text.ts';
import { type Row, readRows } from './database.ts';
import { exactGroupsSql } from './exact-groups.ts';
import { distributionSql, percentileSql, readPercentiles } from './percentiles.ts';

export async function runAggregation(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  values: readonly SqlValue[],
  plan: Plan,
): Promise<AggregationAnswer> {
  const { keys, clustered } = aggregation;
  const found = clustered
    ? await readGroups(connection, aggregation, values, plan.limit + 1)
    : await readRows(connection, exactGroupsSql(aggregation, plan.limit + 1), [...values]);
  const limited = found.length > plan.limit;
  const groups = found.slice(0, plan.limit);

  const percentiles = new Map<number, readonly (Measure | null)[]>();
  for (const percentile of aggregation.percentiles) {
    const { index } = percentile;
    percentiles.set(
      index,
      clustered
        ? await readPercentiles(connection, groups, percentile, keys)
        : groups.map((group) => numberOrNull(group[`a${index}_value`])),
    );
  }
  return answerOf(aggregation, plan, { groups, limited, percentiles });
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** The sums of weighted events. Only what is read more than once becomes a temporary table: most aggregations are one statement. */
async function readGroups(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  values: readonly SqlValue[],
  limit: number,
): Promise<Row[]> {
  const { percentiles, distinct, keys } = aggregation;
  const events = withClusters(aggregation.events, keys);
  const groups = groupsSql(aggregation, limit);
  if (percentiles.length + distinct.length === 0) {
    return readRows(connection, `WITH matching AS MATERIALIZED (${events}) ${groups}`, [...values]);
  }
  await connection.run(`CREATE TEMP TABLE matching AS ${events}`, [...values]);
  for (const { index, column } of percentiles) await connection.run(distributionSql(index, column, keys));
  await connection.run(`CREATE TEMP TABLE answer AS ${groups}`);
  return readRows(connection, 'SELECT * FROM answer ORDER BY r');
}

/** With `k`: the trace of a sampled event within its group. */
function withClusters(events: string, keys: readonly string[]): string {
  return `SELECT *, CASE WHEN c IS NOT NULL THEN hash(${['c', ...keys].join(', ')}) END AS k FROM (${events})`;
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
function tracesSql({ keys, byEvent, byTrace }: Aggregation): string {
  const events = `SELECT ${[...keys, ...byEvent].join(', ')} FROM matching`;
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
