/**
 * Runs an aggregation on one connection: in one pass where nothing in reach is sampled (exact-groups.ts), otherwise weighted, by
 * trace and then by group.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { type AggregationAnswer, answerOf, type FoundGroups, numberAt } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import type { SqlValue } from '../../query/sql-text.ts';
import { readRows } from './database.ts';
import { exactGroupsSql } from './exact-groups.ts';
import { binPercentile, binsSql, percentileSql, readPercentiles } from './percentiles.ts';

export async function runAggregation(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  values: readonly SqlValue[],
  plan: Plan,
): Promise<AggregationAnswer> {
  const found = aggregation.clustered
    ? await readWeighted(connection, aggregation, values, plan.limit)
    : await readExact(connection, aggregation, values, plan.limit);
  return answerOf(aggregation, plan, found);
}

async function readExact(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  values: readonly SqlValue[],
  limit: number,
): Promise<FoundGroups> {
  const rows = await readRows(connection, exactGroupsSql(aggregation, limit + 1), [...values]);
  const groups = rows.slice(0, limit);
  const percentiles = aggregation.percentiles.map(({ index }) => {
    const found = groups.map((group) => group[`a${index}_value`]);
    return [index, found.map((value) => (typeof value === 'number' ? value : null))] as const;
  });
  return { groups, limited: rows.length > limit, percentiles: new Map(percentiles) };
}

/** Only what is read more than once becomes a temporary table: most aggregations are one statement. */
async function readWeighted(
  connection: DuckDBConnection,
  aggregation: Aggregation,
  values: readonly SqlValue[],
  limit: number,
): Promise<FoundGroups> {
  const { keys, distinct } = aggregation;
  const events = withClusters(aggregation.events, keys);
  const groups = `traces AS (${tracesSql(aggregation)}) ${orderedSql(aggregation, limit + 1)}`;
  const percentiles = new Map<number, readonly (Measure | null)[]>();
  if (aggregation.percentiles.length + distinct.length === 0) {
    const sql = `WITH matching AS MATERIALIZED (${events}), repeated AS MATERIALIZED (${REPEATED}), ${groups}`;
    const rows = await readRows(connection, sql, [...values]);
    return { groups: rows.slice(0, limit), limited: rows.length > limit, percentiles };
  }
  await connection.run(`CREATE TEMP TABLE matching AS ${events}`, [...values]);
  await connection.run(`CREATE TEMP TABLE repeated AS ${REPEATED}`);
  const [counted = {}] = await readRows(connection, 'SELECT count(*)::DOUBLE AS events FROM matching');
  const binned = aggregation.percentiles.map((each) => binPercentile(each, keys, numberAt(counted, 'events')));
  for (const percentile of binned) {
    await connection.run(binsSql(percentile));
    await connection.run(percentileSql(percentile));
  }
  await connection.run(`CREATE TEMP TABLE answer AS WITH ${groups}`);
  const rows = await readRows(connection, 'SELECT * FROM answer ORDER BY r');
  const found = rows.slice(0, limit);
  for (const percentile of binned) {
    percentiles.set(percentile.index, await readPercentiles(connection, found, percentile));
  }
  return { groups: found, limited: rows.length > limit, percentiles };
}

/** The traces that have several sampled events in a group. */
const REPEATED = 'SELECT k FROM matching WHERE k IS NOT NULL GROUP BY k HAVING count(*) > 1';

/** With `k`: the trace of a sampled event within its group. */
function withClusters(events: string, keys: readonly string[]): string {
  return `SELECT *, CASE WHEN c IS NOT NULL THEN hash(${['c', ...keys].join(', ')}) END AS k FROM (${events})`;
}

/** One row for each group, in the order of the answer. */
function orderedSql(aggregation: Aggregation, limit: number): string {
  const { keys } = aggregation;
  const list = (columns: readonly string[]): string => columns.join(', ');
  const groupBy = (columns: readonly string[]): string => (columns.length === 0 ? '' : ` GROUP BY ${list(columns)}`);
  const joins = [
    ...aggregation.distinct.map(({ index, column }) => {
      const distinct = `SELECT ${list([...keys, `count(DISTINCT ${column})::DOUBLE AS a${index}_distinct`])} FROM matching${groupBy(keys)}`;
      return leftJoin(`d${index}`, distinct, keys);
    }),
    ...aggregation.percentiles.map(({ index }) => leftJoin(`p${index}`, `SELECT * FROM percentile${index}`, keys)),
  ];
  const byGroup = `SELECT ${list([...keys, ...aggregation.byGroup])} FROM traces${groupBy(keys)}`;
  const chosen = list(['groups.*', ...joins.map((join) => join.columns)]);
  const joined = `SELECT ${chosen} FROM (${byGroup}) groups${joins.map((join) => join.sql).join('')}`;
  const order = list(aggregation.orderBy);
  return (
    `SELECT row_number() OVER (ORDER BY ${order})::DOUBLE AS r, * FROM (` +
    `SELECT * FROM (${joined}) ORDER BY ${order} LIMIT ${limit}) ORDER BY r`
  );
}

/** One row for each trace of a group that has several sampled events, and one for each other event. */
function tracesSql({ keys, byEvent, byTrace }: Aggregation): string {
  const events = `SELECT ${[...keys, ...byEvent].join(', ')} FROM matching`;
  const anyKeys = keys.map((key) => `any_value(${key}) AS ${key}`);
  return (
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
