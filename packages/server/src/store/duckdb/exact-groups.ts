/**
 * Aggregations over events of which none is sampled, as most stores of errors and all stores without sampling are: plain
 * sums, counts and order statistics, in one pass over the columns that are needed. The names are those of
 * `compile-aggregation.ts`; what is about unseen events is 0 or left out, which is the same to `measures.ts`.
 */
import type { Aggregation } from '../../query/compile-aggregation.ts';

/** For each group the value of every aggregate, ordered and limited. */
export function exactGroupsSql(aggregation: Aggregation, limit: number): string {
  const { aggregates, keys } = aggregation;
  const columns = aggregates.flatMap(({ fn, p }, i) => columnsOf(fn, i, (p ?? 50) / 100));
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`;
  const order = aggregation.orderBy.join(', ');
  return (
    `SELECT * FROM (SELECT ${[...keys, ...columns].join(', ')} FROM (${aggregation.events})${groupBy}) ` +
    `ORDER BY ${order} LIMIT ${limit}`
  );
}

function columnsOf(fn: Aggregation['aggregates'][number]['fn'], i: number, p: number): string[] {
  const [v, a, s] = [`v${i}`, `a${i}`, `s${i}`];
  const seen = (name: string, sql: string): string[] => [
    `${sql}::DOUBLE AS ${name}_seen`,
    `0::DOUBLE AS ${name}_unseen`,
  ];
  switch (fn) {
    case 'count':
      return seen(a, 'count(*)');
    case 'sum':
      return seen(a, `coalesce(sum(${v}), 0)`);
    case 'avg':
      return [`sum(${v}) AS ${a}_total`, `count(${v})::DOUBLE AS ${a}_weight`];
    case 'error_rate':
      return [...seen(a, 'count(*) FILTER (WHERE failed)'), ...seen(s, 'count(*) FILTER (WHERE NOT failed)')];
    case 'min':
    case 'max':
      return [`${fn}(${v}) AS ${a}_value`];
    case 'distinct':
      return [`count(DISTINCT ${v})::DOUBLE AS ${a}_distinct`];
    case 'percentile':
      // A hair less, because the product of a share and a number of events may come out a hair above a whole number.
      return [`quantile_disc(${v}, ${p * (1 - 1e-12)}::DOUBLE) AS ${a}_value`];
  }
}
