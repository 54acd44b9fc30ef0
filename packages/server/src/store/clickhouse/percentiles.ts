/**
 * Weighted percentiles with their intervals. All percentiles of one field share the field's distribution. It is worked out
 * twice where events were sampled: for the percentiles, and for the values at which their intervals end, which depend on what
 * lies on both sides of them.
 */
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { asMeasure, percentileShares, type TotalStatistics } from '../../query/estimate.ts';
import { numberAt } from '../../query/measures.ts';
import type { ReadRows } from './read-rows.ts';
import { groupHash } from './sql.ts';

type Row = Readonly<Record<string, unknown>>;

/** The percentiles of one field. */
export interface ColumnPercentiles {
  readonly column: string;
  readonly wanted: readonly { readonly index: number; readonly p: number }[];
}

const SIDE = ['seen', 'unseen', 'spread', 'sampled'] as const;

export function columnPercentiles({ aggregates, percentiles }: Aggregation): readonly ColumnPercentiles[] {
  const byField = new Map<string, { column: string; wanted: { index: number; p: number }[] }>();
  for (const { index, column, p } of percentiles) {
    const field = aggregates[index]?.field ?? '';
    const known = byField.get(field);
    if (known === undefined) byField.set(field, { column, wanted: [{ index, p }] });
    else known.wanted.push({ index, p });
  }
  return [...byField.values()];
}

/** For each group and value the weight up to it, and the statistics of both sides of it. */
function distributionSql({ events, keys }: Aggregation, column: string): string {
  const partition = keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')} `;
  const upTo = (name: string): string =>
    `sum(${name}) OVER (${partition}ORDER BY v ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
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
    `SELECT ${columns.join(', ')} FROM (` +
    `SELECT ${[...keys, `assumeNotNull(${column}) AS v`].join(', ')}, sum(w) AS weight, toFloat64(count()) AS seen, ` +
    'sum(w - 1) AS unseen, sum(w * (w - 1)) AS spread, toFloat64(countIf(w > 1)) AS sampled, max(w - 1) AS most_unseen, ' +
    `max(w * (w - 1)) AS most_spread FROM (${events}) WHERE ${column} IS NOT NULL GROUP BY ${[...keys, 'v'].join(', ')})`
  );
}

/** The percentiles of each group: the first value that the weight reaches its share of the whole with. */
export function percentilesSql(aggregation: Aggregation, { column, wanted }: ColumnPercentiles): string {
  const { keys } = aggregation;
  const columns = wanted.flatMap(({ index, p }) => {
    const reached = `upto >= ${p} * whole * (1 - 1e-12)`;
    const at = (name: string): string => `argMinIf(${name}, v, ${reached})`;
    return [
      `toNullable(minIf(v, ${reached})) AS a${index}_value`,
      ...SIDE.map((name) => `${at(`upto_${name}`)} AS a${index}_upto_${name}`),
      // None of them is negative, so the largest sum is that of all.
      ...SIDE.map((name) => `max(upto_${name}) - ${at(`upto_${name}`)} AS a${index}_above_${name}`),
      `max(most_unseen) AS a${index}_most_unseen`,
      `max(most_spread) AS a${index}_most_spread`,
    ];
  });
  // Without keys a group of no events would be a row too.
  const groupBy = keys.length === 0 ? 'HAVING count() > 0' : `GROUP BY ${keys.join(', ')}`;
  // Not `r`: beside the group's own hash, a second one would rename the first.
  const hash = `${groupHash(keys)} AS of`;
  return `SELECT ${[hash, ...columns].join(', ')} FROM (${distributionSql(aggregation, column)}) ${groupBy}`;
}

/** The measures of the groups, by the aggregate's number. */
export async function readPercentiles(
  read: ReadRows,
  aggregation: Aggregation,
  column: ColumnPercentiles,
  groups: readonly Row[],
): Promise<ReadonlyMap<number, readonly (Measure | null)[]>> {
  const isSampled = (group: Row, index: number): boolean =>
    numberAt(group, `a${index}_sampled`) > 0 && typeof group[`a${index}_value`] === 'number';
  const anySampled = groups.some((group) => column.wanted.some(({ index }) => isSampled(group, index)));
  const factors = anySampled ? await readTogether(read, aggregation, column) : new Map<string, Row>();
  const ends = anySampled ? await readEnds(read, aggregation, column, endsAsked()) : new Map<string, Row>();

  function endsAsked(): (readonly [string, number, number, number])[] {
    return groups.flatMap((group) =>
      column.wanted.flatMap(({ index, p }) => {
        if (!isSampled(group, index)) return [];
        const together = numberAt(factors.get(String(group.r)) ?? {}, `a${index}_together`);
        const apart = numberAt(factors.get(String(group.r)) ?? {}, `a${index}_apart`);
        const factor = apart > 0 ? Math.max(1, together / apart) : 1;
        const shares = percentileShares(p, sideOf(group, index, 'upto', factor), sideOf(group, index, 'above', factor));
        return [[String(group.r), index, ...shares] as const];
      }),
    );
  }

  const measureOf = (group: Row, index: number): Measure | null => {
    const value = group[`a${index}_value`];
    if (typeof value !== 'number') return null;
    const interval = ends.get(`${group.r} ${index}`);
    if (!isSampled(group, index)) return value;
    // Events may have come between the two statements: the interval holds its value in any case.
    const low = typeof interval?.low === 'number' ? Math.min(interval.low, value) : value;
    const high = typeof interval?.high === 'number' ? Math.max(interval.high, value) : value;
    return asMeasure({ value, low, high }, true);
  };
  return new Map(column.wanted.map(({ index }) => [index, groups.map((group) => measureOf(group, index))]));
}

/**
 * The events of one trace may lie on the same side of a percentile more often than chance has it. How much more their side
 * varies for that is measured at the percentile itself, and holds for both sides.
 */
async function readTogether(
  read: ReadRows,
  aggregation: Aggregation,
  { column, wanted }: ColumnPercentiles,
): Promise<ReadonlyMap<string, Row>> {
  const { events, keys } = aggregation;
  const byTrace = wanted.flatMap(({ index, p }) => {
    const offset = `((${column} <= a${index}_value) - ${p})`;
    return [
      `sum(sqrt(w * (w - 1)) * ${offset}) AS a${index}_spread`,
      `sum(w * (w - 1) * ${offset} * ${offset}) AS a${index}_square`,
    ];
  });
  const byGroup = wanted.flatMap(({ index }) => [
    `sum(a${index}_spread * a${index}_spread) AS a${index}_together`,
    `sum(a${index}_square) AS a${index}_apart`,
  ]);
  const sampled = `SELECT ${groupHash(keys)} AS r, c, w, ${column} FROM (${events}) WHERE ${column} IS NOT NULL AND w > 1`;
  const percentiles = percentilesSql(aggregation, { column, wanted });
  const rows = await read(
    `SELECT r, ${byGroup.join(', ')} FROM (SELECT e.r AS r, e.c AS c, ${byTrace.join(', ')} ` +
      `FROM (${sampled}) AS e INNER JOIN (${percentiles}) AS percentiles ON e.r = percentiles.of GROUP BY e.r, e.c) GROUP BY r`,
  );
  return new Map(rows.map((row) => [String(row.r), row]));
}

/** By group and aggregate: the values at which the interval ends. */
async function readEnds(
  read: ReadRows,
  aggregation: Aggregation,
  { column }: ColumnPercentiles,
  asked: readonly (readonly [r: string, index: number, low: number, high: number])[],
): Promise<ReadonlyMap<string, Row>> {
  // Hashes and numbers of our own making, and too many of them for parameters in an address: one literal.
  const literal = `'${JSON.stringify(asked)}'`;
  const ends =
    'SELECT ask.1 AS r, ask.2 AS i, ask.3 AS low_share, ask.4 AS high_share FROM ' +
    `(SELECT arrayJoin(JSONExtract(${literal}, 'Array(Tuple(String, UInt32, Float64, Float64))')) AS ask)`;
  const distribution = `SELECT ${groupHash(aggregation.keys)} AS r, v, upto, whole FROM (${distributionSql(aggregation, column)})`;
  const isAbove = 'upto > high_share * whole * (1 + 1e-12)';
  const rows = await read(
    `SELECT ends.r AS r, ends.i AS i, minIf(v, upto >= low_share * whole * (1 - 1e-12)) AS low, ` +
      `if(countIf(${isAbove}) > 0, minIf(v, ${isAbove}), max(v)) AS high ` +
      `FROM (${distribution}) AS d INNER JOIN (${ends}) AS ends ON d.r = ends.r GROUP BY ends.r, ends.i`,
  );
  return new Map(rows.map((row) => [`${row.r} ${row.i}`, row]));
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
