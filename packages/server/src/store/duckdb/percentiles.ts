/**
 * Weighted percentiles with their intervals. The distribution of each group becomes a temporary table, because it is read
 * twice: for the percentile, and for the values at which its interval ends, which depend on what lies on both sides of it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { asMeasure, percentileShares, type TotalStatistics } from '../../query/estimate.ts';
import { numberAt } from '../../query/measures.ts';
import { type Row, readRows } from './database.ts';

type Percentile = Aggregation['percentiles'][number];

const SIDE = ['seen', 'unseen', 'spread', 'sampled'] as const;

/** For each group and value the weight up to it, and the statistics of both sides of it. */
export function distributionSql(index: number, column: string, keys: readonly string[]): string {
  const partition = keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')} `;
  const upTo = (name: string): string => `sum(${name}) OVER (${partition}ORDER BY v ROWS UNBOUNDED PRECEDING)`;
  const columns = [
    ...keys,
    'v',
    'most_unseen',
    'most_spread',
    `${upTo('weight')} AS upto`,
    `sum(weight) OVER (${partition}) AS whole`,
    ...SIDE.map((name) => `${upTo(name)} AS upto_${name}`),
  ];
  return (
    `CREATE TEMP TABLE distribution${index} AS SELECT ${columns.join(', ')} FROM (` +
    `SELECT ${[...keys, `${column} AS v`].join(', ')}, sum(w) AS weight, count(*)::DOUBLE AS seen, sum(w - 1) AS unseen, ` +
    'sum(w * (w - 1)) AS spread, count(*) FILTER (w > 1)::DOUBLE AS sampled, max(w - 1) AS most_unseen, ' +
    `max(w * (w - 1)) AS most_spread FROM matching WHERE ${column} IS NOT NULL GROUP BY ALL)`
  );
}

/** The percentile of each group: the first value that the weight reaches its share of the whole with. */
export function percentileSql(index: number, p: number, keys: readonly string[]): string {
  const reached = `FILTER (upto >= ${p} * whole * (1 - 1e-12))`;
  const at = (name: string): string => `arg_min(${name}, v) ${reached}`;
  const columns = [
    ...keys,
    `min(v) ${reached} AS a${index}_value`,
    ...SIDE.map((name) => `${at(`upto_${name}`)} AS a${index}_upto_${name}`),
    // None of them is negative, so the largest sum is that of all.
    ...SIDE.map((name) => `max(upto_${name}) - ${at(`upto_${name}`)} AS a${index}_above_${name}`),
    `max(most_unseen) AS a${index}_most_unseen`,
    `max(most_spread) AS a${index}_most_spread`,
  ];
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`;
  return `SELECT ${columns.join(', ')} FROM distribution${index}${groupBy}`;
}

/** The percentiles of the groups in the tables `answer` and `matching`, with their intervals. */
export async function readPercentiles(
  connection: DuckDBConnection,
  groups: readonly Row[],
  percentile: Percentile,
  keys: readonly string[],
): Promise<(Measure | null)[]> {
  const { index } = percentile;
  const isSampled = groups.map(
    (group) => numberAt(group, `a${index}_sampled`) > 0 && group[`a${index}_value`] !== null,
  );
  const intervals = isSampled.includes(true)
    ? await readIntervals(connection, groups, isSampled, percentile, keys)
    : undefined;
  return groups.map((group, place) => {
    const value = group[`a${index}_value`];
    if (typeof value !== 'number') return null;
    const interval = intervals?.get(place + 1);
    if (interval === undefined) return asMeasure({ value, low: value, high: value }, isSampled[place] ?? false);
    return asMeasure({ value, low: numberAt(interval, 'low'), high: numberAt(interval, 'high') }, true);
  });
}

/** By the number of the group's row: the values at which its interval ends. */
async function readIntervals(
  connection: DuckDBConnection,
  groups: readonly Row[],
  isSampled: readonly boolean[],
  { index, column, p }: Percentile,
  keys: readonly string[],
): Promise<Map<number, Row>> {
  const join = (other: string): string =>
    ['true', ...keys.map((key) => `answer.${key} IS NOT DISTINCT FROM ${other}.${key}`)].join(' AND ');
  // The events of one trace may lie on the same side more often than chance has it. How much more their side varies for
  // that is measured at the percentile itself, and holds for both sides.
  const offset = `((${column} <= a${index}_value)::INTEGER - ${p})`;
  const together = new Map<number, number>();
  const sql =
    'SELECT r, sum(spread * spread) AS together, sum(apart) AS apart FROM (' +
    `SELECT answer.r, c, sum(sqrt(w * (w - 1)) * ${offset}) AS spread, sum(w * (w - 1) * ${offset} * ${offset}) AS apart ` +
    `FROM matching JOIN answer ON ${join('matching')} WHERE ${column} IS NOT NULL AND w > 1 GROUP BY answer.r, c) GROUP BY r`;
  for (const row of await readRows(connection, sql)) {
    const apart = numberAt(row, 'apart');
    together.set(numberAt(row, 'r'), apart > 0 ? Math.max(1, numberAt(row, 'together') / apart) : 1);
  }
  const asked = groups.flatMap((group, place) => {
    if (!isSampled[place]) return [];
    const factor = together.get(place + 1) ?? 1;
    return [
      [place + 1, ...percentileShares(p, sideOf(group, index, 'upto', factor), sideOf(group, index, 'above', factor))],
    ];
  });
  const rows = await readRows(
    connection,
    'SELECT ends.r AS r, min(v) FILTER (upto >= low * whole * (1 - 1e-12)) AS low, ' +
      'coalesce(min(v) FILTER (upto > high * whole * (1 + 1e-12)), max(v)) AS high ' +
      'FROM (SELECT e[1] AS r, e[2] AS low, e[3] AS high FROM (SELECT unnest(from_json($1::JSON, \'[["DOUBLE"]]\')) AS e)) ends ' +
      `JOIN answer ON answer.r = ends.r JOIN distribution${index} d ON ${join('d')} GROUP BY ends.r`,
    [JSON.stringify(asked)],
  );
  return new Map(rows.map((row) => [numberAt(row, 'r'), row]));
}

function sideOf(group: Row, index: number, side: 'upto' | 'above', together: number): TotalStatistics {
  const at = (name: string): number => numberAt(group, `a${index}_${name}`);
  return {
    seen: at(`${side}_seen`),
    unseen: at(`${side}_unseen`),
    variance: at(`${side}_spread`) * together,
    largestUnseen: at('most_unseen'),
    largestVariance: at('most_spread') * together,
    sampled: at(`${side}_sampled`),
  };
}
