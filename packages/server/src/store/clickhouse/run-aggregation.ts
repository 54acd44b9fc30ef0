/**
 * Runs an aggregation. The events are summed up by trace within each group, then the traces by group: one pass, and one row
 * for each group comes back. All events with rate 1 of a group are one trace here: they bring no uncertainty, and every
 * sum of theirs that measures some is 0.
 */
import type { Measure } from '../../query/answer.ts';
import type { Aggregation } from '../../query/compile-aggregation.ts';
import { type AggregationAnswer, answerOf } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import { columnPercentiles, percentilesSql, readPercentiles } from './percentiles.ts';
import { type ReadRows, withInfinities } from './read-rows.ts';
import { groupHash } from './sql.ts';

export async function runAggregation(
  readRows: ReadRows,
  aggregation: Aggregation,
  plan: Plan,
): Promise<AggregationAnswer> {
  const read: ReadRows = async (sql) => (await readRows(sql)).map(withInfinities);
  const found = await read(groupsSql(aggregation, plan.limit + 1));
  const limited = found.length > plan.limit;
  const groups = found.slice(0, plan.limit);
  const percentiles = new Map<number, readonly (Measure | null)[]>();
  for (const column of columnPercentiles(aggregation)) {
    for (const [index, measures] of await readPercentiles(read, aggregation, column, groups)) {
      percentiles.set(index, measures);
    }
  }
  return answerOf(aggregation, plan, { groups, limited, percentiles });
}

function groupsSql(aggregation: Aggregation, limit: number): string {
  const { keys, events, byTrace, byGroup, distinct } = aggregation;
  const list = (columns: readonly string[]): string => columns.join(', ');
  // Sets of values can be united, so distinct values need no pass of their own.
  const setsByTrace = distinct.map(({ index, column }) => `uniqExactState(${column}) AS a${index}_set`);
  const setsByGroup = distinct.map(({ index }) => `toFloat64(uniqExactMerge(a${index}_set)) AS a${index}_distinct`);
  const traces = `SELECT ${list([...keys, 'c', ...byTrace, ...setsByTrace])} FROM (${events}) GROUP BY ${list([...keys, 'c'])}`;
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${list(keys)}`;
  const groups = `SELECT ${list([...keys, `${groupHash(keys)} AS r`, ...byGroup, ...setsByGroup])} FROM (${traces})${groupBy}`;
  const joins = columnPercentiles(aggregation).map(
    (column) =>
      ` LEFT JOIN (${percentilesSql(aggregation, column)}) AS ${column.column}p ON ${column.column}p.of = groups.r`,
  );
  const joined = joins.length === 0 ? groups : `SELECT * FROM (${groups}) AS groups${joins.join('')}`;
  return `SELECT * FROM (${joined}) ORDER BY ${list(aggregation.orderBy)} LIMIT ${limit}`;
}
