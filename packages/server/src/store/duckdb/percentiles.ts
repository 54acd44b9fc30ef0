/**
 * Weighted percentiles with their intervals, over the events in the temporary table `matching`.
 *
 * A percentile is the first value at which the weight of the values up to it reaches its share of the whole, and its
 * interval ends at two other such values, which depend on what lies on both sides of the percentile. To sort all values
 * for that would cost most of the query. So events are first summed up in bins, each some 1 % wide; what is looked for
 * then lies in one bin of each group, and only the events in that one are told apart by their values. Where events are
 * few, all of a group are in one bin.
 *
 * Of each aggregate there are two tables: `bins<i>` has the sums of each bin, of all bins before it, and of its group;
 * `percentile<i>` has for each group the percentile, and the sums on both sides of it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { asMeasure, percentileShares, type TotalStatistics } from '../../query/estimate.ts';
import { numberAt } from '../../query/measures.ts';
import { type Row, readRows } from './database.ts';

export interface BinnedPercentile {
  readonly index: number;
  readonly column: string;
  readonly p: number;
  readonly keys: readonly string[];
  /** The bin of an event. */
  readonly bin: string;
}

/** The sums of a set of events. */
const SUMS: readonly (readonly [name: string, sql: string])[] = [
  ['weight', 'sum(w)'],
  ['seen', 'count(*)::DOUBLE'],
  ['unseen', 'sum(w - 1)'],
  ['spread', 'sum(w * (w - 1))'],
  ['sampled', 'count(*) FILTER (w > 1)::DOUBLE'],
];
const SIDE = ['seen', 'unseen', 'spread', 'sampled'] as const;
const MIN_BINNED = 50_000;
const BINS_PER_DOUBLING = 64;
/** The logarithm of the smallest number has a bin above 0. */
const FIRST_BIN = 70_000;
/** Two sums of the same numbers differ by a rounding error where the order of the terms does. */
const A_HAIR_LESS = '(1 - 1e-12)';
const A_HAIR_MORE = '(1 + 1e-12)';

/** @param events how many there are in `matching` */
export function binPercentile(
  { index, column, p }: Aggregation['percentiles'][number],
  keys: readonly string[],
  events: number,
): BinnedPercentile {
  return { index, column, p, keys, bin: events < MIN_BINNED ? '0' : binSql(column) };
}

/** Monotonic: what is in a lower bin is lower. */
function binSql(column: string): string {
  const place = `(${FIRST_BIN} + floor(log2(abs(${column})) * ${BINS_PER_DOUBLING}))`;
  return `CASE WHEN ${column} = 0 THEN 0 WHEN ${column} > 0 THEN ${place} ELSE -${place} END`;
}

export function binsSql({ index, column, keys, bin }: BinnedPercentile): string {
  const group = partitionSql(keys);
  const before = `OVER (${group}ORDER BY bin ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
  const sums = SUMS.flatMap(([name]) => [
    `coalesce(sum(${name}) ${before}, 0) AS before_${name}`,
    `sum(${name}) OVER (${group}) AS whole_${name}`,
  ]);
  return (
    `CREATE TEMP TABLE bins${index} AS SELECT *, ${sums.join(', ')}, ` +
    `max(unseen_one) OVER (${group}) AS most_unseen, max(spread_one) OVER (${group}) AS most_spread FROM (` +
    `SELECT ${[...keys, `(${bin})::BIGINT AS bin`, ...SUMS.map(([name, sql]) => `${sql} AS ${name}`)].join(', ')}, ` +
    `max(w - 1) AS unseen_one, max(w * (w - 1)) AS spread_one FROM matching WHERE ${column} IS NOT NULL GROUP BY ALL)`
  );
}

export function percentileSql(percentile: BinnedPercentile): string {
  const { index, p, keys } = percentile;
  const target = `${p} * whole_weight * ${A_HAIR_LESS}`;
  // Where a rounding error leaves no bin or value that reaches the target, the last one is it.
  const bins = firstSql(`bins${index}`, keys, 'bin', `before_weight + weight >= ${target}`);
  const values = firstSql(`(${valuesSql(percentile, bins)})`, keys, 'v', `upto_weight >= ${target}`);
  const columns = [
    ...keys,
    `v AS a${index}_value`,
    ...SIDE.map((name) => `upto_${name} AS a${index}_upto_${name}`),
    // Counts are exact, and say whether anything is left above; sums of weights may leave a rounding error.
    ...SIDE.map((name) => {
      const count = name === 'seen' ? 'seen' : 'sampled';
      const rest = `greatest(0, whole_${name} - upto_${name})`;
      return `CASE WHEN whole_${count} = upto_${count} THEN 0 ELSE ${rest} END::DOUBLE AS a${index}_above_${name}`;
    }),
    `most_unseen AS a${index}_most_unseen`,
    `most_spread AS a${index}_most_spread`,
  ];
  return `CREATE TEMP TABLE percentile${index} AS SELECT ${columns.join(', ')} FROM (${values})`;
}

/** Of each group the row with the least value that meets a condition, or the greatest where none does. */
function firstSql(table: string, keys: readonly string[], value: string, condition: string): string {
  const order = `(${condition}) DESC, CASE WHEN ${condition} THEN ${value} ELSE -${value} END`;
  return `SELECT * FROM ${table} QUALIFY row_number() OVER (${partitionSql(keys)}ORDER BY ${order}) = 1`;
}

/** The values in some of the bins, each with the sums up to it, and those of its group. */
function valuesSql({ column, keys, bin }: BinnedPercentile, bins: string): string {
  const ofGroup = ['most_unseen', 'most_spread', ...SUMS.flatMap(([name]) => [`before_${name}`, `whole_${name}`])];
  const columns = [
    ...keys.map((key) => `wanted.${key} AS ${key}`),
    'wanted.bin AS bin',
    `${column} AS v`,
    ...SUMS.map(([name, sql]) => `${sql} AS ${name}`),
    ...ofGroup.map((name) => `any_value(wanted.${name}) AS ${name}`),
  ];
  const upto = SUMS.map(([name]) => {
    const within = `sum(${name}) OVER (PARTITION BY ${[...keys, 'bin'].join(', ')} ORDER BY v ROWS UNBOUNDED PRECEDING)`;
    return `before_${name} + ${within} AS upto_${name}`;
  });
  const join = [`(${bin})::BIGINT = wanted.bin`, ...sameGroup(keys, 'matching', 'wanted')].join(' AND ');
  const groupBy = [...keys.map((key) => `wanted.${key}`), 'wanted.bin', column].join(', ');
  return (
    `SELECT *, ${upto.join(', ')} FROM (SELECT ${columns.join(', ')} ` +
    `FROM matching JOIN (${bins}) wanted ON ${join} WHERE ${column} IS NOT NULL GROUP BY ${groupBy})`
  );
}

/** The percentiles of the groups in the table `answer`, with their intervals. */
export async function readPercentiles(
  connection: DuckDBConnection,
  groups: readonly Row[],
  percentile: BinnedPercentile,
): Promise<(Measure | null)[]> {
  const { index } = percentile;
  const isSampled = groups.map(
    (group) => numberAt(group, `a${index}_sampled`) > 0 && group[`a${index}_value`] !== null,
  );
  const intervals = isSampled.includes(true)
    ? await readIntervals(connection, groups, isSampled, percentile)
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
  percentile: BinnedPercentile,
): Promise<Map<number, Row>> {
  const { index, p, keys } = percentile;
  const together = await readTogether(connection, groups, percentile);
  const asked = groups.flatMap((group, place) => {
    if (!isSampled[place]) return [];
    const factor = together.get(place + 1) ?? 1;
    return [
      [place + 1, ...percentileShares(p, sideOf(group, index, 'upto', factor), sideOf(group, index, 'above', factor))],
    ];
  });
  const columns = [...keys.map((key) => `answer.${key} AS ${key}`), 'e[1] AS r', 'e[2] AS low', 'e[3] AS high'];
  const list = `(SELECT unnest(from_json($1::JSON, '[["DOUBLE"]]')) AS e)`;
  await connection.run(
    `CREATE TEMP TABLE ends${index} AS SELECT ${columns.join(', ')} FROM ${list} JOIN answer ON answer.r = e[1]`,
    [JSON.stringify(asked)],
  );
  const onGroup = (other: string): string => ['true', ...sameGroup(keys, `ends${index}`, other)].join(' AND ');
  const reachesLow = (weight: string): string => `${weight} >= low * whole_weight * ${A_HAIR_LESS}`;
  const reachesHigh = (weight: string): string => `${weight} > high * whole_weight * ${A_HAIR_MORE}`;
  const inBins = `SELECT b.*, low, high FROM bins${index} b JOIN ends${index} ON ${onGroup('b')}`;
  const bins = [reachesLow, reachesHigh].map((reaches) =>
    firstSql(`(${inBins})`, keys, 'bin', reaches('before_weight + weight')),
  );
  const rows = await readRows(
    connection,
    `SELECT r, min(v) FILTER (${reachesLow('upto_weight')}) AS low, ` +
      `coalesce(min(v) FILTER (${reachesHigh('upto_weight')}), max(v)) AS high ` +
      `FROM (${valuesSql(percentile, bins.map((each) => `(${each})`).join(' UNION '))}) d JOIN ends${index} ON ${onGroup('d')} GROUP BY r`,
  );
  return new Map(rows.map((row) => [numberAt(row, 'r'), row]));
}

/**
 * The events of one trace may lie on the same side more often than chance has it. How much more their side varies for
 * that is measured at the percentile itself, and holds for both sides. An event that is alone in its trace varies by
 * itself, so only traces with several are looked at one by one.
 */
async function readTogether(
  connection: DuckDBConnection,
  groups: readonly Row[],
  { index, column, p, keys }: BinnedPercentile,
): Promise<Map<number, number>> {
  const offset = `((${column} <= a${index}_value)::INTEGER - ${p})`;
  const rows = await readRows(
    connection,
    'SELECT r, sum(spread * spread) AS together, sum(apart) AS apart FROM (' +
      `SELECT r, matching.k, sum(sqrt(w * (w - 1)) * ${offset}) AS spread, sum(w * (w - 1) * ${offset} * ${offset}) AS apart ` +
      'FROM matching SEMI JOIN repeated ON matching.k = repeated.k ' +
      `JOIN answer ON ${['true', ...sameGroup(keys, 'answer', 'matching')].join(' AND ')} ` +
      `WHERE ${column} IS NOT NULL AND w > 1 GROUP BY r, matching.k) GROUP BY r`,
  );
  const several = new Map(rows.map((row) => [numberAt(row, 'r'), row]));
  return new Map(
    groups.map((group, place) => {
      const found = several.get(place + 1) ?? {};
      const apart =
        numberAt(group, `a${index}_upto_spread`) * (1 - p) ** 2 + numberAt(group, `a${index}_above_spread`) * p ** 2;
      const together = apart - numberAt(found, 'apart') + numberAt(found, 'together');
      return [place + 1, apart > 0 ? Math.max(1, together / apart) : 1];
    }),
  );
}

function partitionSql(keys: readonly string[]): string {
  return keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')} `;
}

function sameGroup(keys: readonly string[], a: string, b: string): string[] {
  return keys.map((key) => `${a}.${key} IS NOT DISTINCT FROM ${b}.${key}`);
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
