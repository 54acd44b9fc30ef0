/** Runs an aggregation on one connection, and turns its sums into measures. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-plan.ts';
import { groupColumnType } from '../../query/compile-plan.ts';
import {
  asMeasure,
  boundDistinct,
  boundExtreme,
  estimateRatio,
  estimateShare,
  estimateSignedTotal,
  estimateTotal,
  percentileShares,
  type TotalStatistics,
} from '../../query/estimate.ts';
import type { Aggregate, Plan } from '../../query/plan.ts';
import { knownFieldType } from '../../query/search.ts';
import { type Row, readRows } from './database.ts';

export interface AggregationAnswer {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly limited: boolean;
  readonly isEstimated: boolean;
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
  for (const { index, p } of aggregation.percentiles) {
    percentiles.set(index, await readPercentiles(connection, groups, index, p, keys));
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
  return { columns: columnsOf(aggregation, plan), rows, limited, isEstimated };
}

/** Only what is read more than once becomes a temporary table: most aggregations are one statement. */
async function readGroups(connection: DuckDBConnection, aggregation: Aggregation, limit: number): Promise<Row[]> {
  const { events, percentiles, distinct, keys } = aggregation;
  const groups = groupsSql(aggregation, limit);
  if (percentiles.length + distinct.length === 0) {
    return readRows(connection, `WITH matching AS (${events.sql}) ${groups}`, [...events.values]);
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
  const hasTraces = /\bAS c\b/.test(aggregation.events.sql);
  const traceKeys = hasTraces ? [...keys, 'c'] : keys;
  const groupBy = (columns: readonly string[]): string => (columns.length === 0 ? '' : ` GROUP BY ${list(columns)}`);
  const joins = [
    ...aggregation.distinct.map(({ index, column }) => {
      const distinct = `SELECT ${list([...keys, `count(DISTINCT ${column})::DOUBLE AS a${index}_distinct`])} FROM matching${groupBy(keys)}`;
      return leftJoin(`d${index}`, distinct, keys);
    }),
    ...aggregation.percentiles.map(({ index, p }) => {
      const reached = `FILTER (upto >= ${p} * whole * (1 - 1e-12))`;
      const at = (column: string): string => `arg_min(${column}, v) ${reached} AS a${index}_${column}`;
      const columns = [
        `min(v) ${reached} AS a${index}_value`,
        ...['seen', 'unseen', 'spread', 'sampled'].map((name) => at(`upto_${name}`)),
        ...['seen', 'unseen', 'spread', 'sampled'].map((name) => at(`above_${name}`)),
        ...['most_unseen', 'most_spread'].map(at),
      ];
      return leftJoin(
        `p${index}`,
        `SELECT ${list([...keys, ...columns])} FROM distribution${index}${groupBy(keys)}`,
        keys,
      );
    }),
  ];
  const byTrace = `SELECT ${list([...traceKeys, ...aggregation.byTrace])} FROM matching${groupBy(traceKeys)}`;
  const byGroup = `SELECT ${list([...keys, ...aggregation.byGroup])} FROM traces${groupBy(keys)}`;
  const chosen = list(['groups.*', ...joins.map((join) => join.columns)]);
  const joined = `SELECT ${chosen} FROM (${byGroup}) groups${joins.map((join) => join.sql).join('')}`;
  const order = list(aggregation.orderBy);
  return (
    `SELECT row_number() OVER (ORDER BY ${order})::DOUBLE AS r, * FROM (` +
    `WITH traces AS (${byTrace}) SELECT * FROM (${joined}) ORDER BY ${order} LIMIT ${limit}) ORDER BY r`
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

/** For each group the weight up to each value, and the statistics of both sides of it. */
function distributionSql(index: number, column: string, keys: readonly string[]): string {
  const partition = keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')} `;
  const upTo = (name: string): string => `sum(${name}) OVER (${partition}ORDER BY v ROWS UNBOUNDED PRECEDING)`;
  const whole = (name: string, fn = 'sum'): string => `${fn}(${name}) OVER (${partition})`;
  const sides = ['seen', 'unseen', 'spread', 'sampled'].flatMap((name) => [
    `${upTo(name)} AS upto_${name}`,
    `${whole(name)} - ${upTo(name)} AS above_${name}`,
  ]);
  return (
    `CREATE TEMP TABLE distribution${index} AS SELECT ${[...keys, 'v'].join(', ')}, ${upTo('weight')} AS upto, ${whole('weight')} AS whole, ` +
    `${sides.join(', ')}, ${whole('most_unseen', 'max')} AS most_unseen, ${whole('most_spread', 'max')} AS most_spread ` +
    `FROM (SELECT ${[...keys, `${column} AS v`].join(', ')}, sum(w) AS weight, count(*)::DOUBLE AS seen, sum(w - 1) AS unseen, ` +
    `sum(w * (w - 1)) AS spread, count(*) FILTER (w > 1)::DOUBLE AS sampled, max(w - 1) AS most_unseen, max(w * (w - 1)) AS most_spread ` +
    `FROM matching WHERE ${column} IS NOT NULL GROUP BY ALL)`
  );
}

/** The percentile of each group, with the values at which its interval ends looked up in the distribution. */
async function readPercentiles(
  connection: DuckDBConnection,
  groups: readonly Row[],
  index: number,
  p: number,
  keys: readonly string[],
): Promise<(Measure | null)[]> {
  const ends = groups.map((group) => {
    const sampled = numberAt(group, `a${index}_sampled`);
    if (sampled === 0 || typeof group[`a${index}_value`] !== 'number') return undefined;
    return percentileShares(p, sideOf(group, index, 'upto'), sideOf(group, index, 'above'));
  });
  const asked = ends.flatMap((end, place) => (end === undefined ? [] : [[place + 1, end[0], end[1]]]));
  const found = new Map<number, Row>();
  if (asked.length > 0) {
    const on = keys.map((key) => ` AND answer.${key} IS NOT DISTINCT FROM d.${key}`).join('');
    const sql =
      `SELECT ends.r AS r, min(v) FILTER (upto >= low * whole * (1 - 1e-12)) AS low, ` +
      `coalesce(min(v) FILTER (upto > high * whole * (1 + 1e-12)), max(v)) AS high ` +
      `FROM (SELECT e[1] AS r, e[2] AS low, e[3] AS high FROM (SELECT unnest(from_json($1::JSON, '[["DOUBLE"]]')) AS e)) ends ` +
      `JOIN answer ON answer.r = ends.r JOIN distribution${index} d ON true${on} GROUP BY ends.r`;
    for (const row of await readRows(connection, sql, [JSON.stringify(asked)])) found.set(numberAt(row, 'r'), row);
  }
  return groups.map((group, place) => {
    const value = group[`a${index}_value`];
    if (typeof value !== 'number') return null;
    const end = found.get(place + 1);
    return asMeasure(
      { value, low: end ? numberAt(end, 'low') : value, high: end ? numberAt(end, 'high') : value },
      end !== undefined,
    );
  });
}

function sideOf(group: Row, index: number, side: 'upto' | 'above'): TotalStatistics {
  const at = (name: string): number => numberAt(group, `a${index}_${name}`);
  const apart = at('apart');
  // Traces that hold several events make every share vary more; the same factor for both sides is close enough.
  const together = apart > 0 ? Math.max(1, at('variance') / apart) : 1;
  return {
    seen: at(`${side}_seen`),
    unseen: at(`${side}_unseen`),
    variance: at(`${side}_spread`) * together,
    largestUnseen: at('most_unseen'),
    largestVariance: at('most_spread') * together,
    sampled: at(`${side}_sampled`),
  };
}

function measure(aggregate: Aggregate, i: number, group: Row): Measure | null {
  const at = (name: string): number => numberAt(group, `a${i}_${name}`);
  switch (aggregate.fn) {
    case 'count':
      return estimateTotal(totalAt(group, `a${i}`));
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

function numberAt(row: Row, name: string): number {
  const value = row[name];
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : 0;
}
