/** Runs an aggregation, and turns its sums into measures. */
import { fromBson } from 'tailrace/sinks/mongodb';
import type { Measure } from '../../query/answer.ts';
import { type AggregationAnswer, answerOf } from '../../query/measures.ts';
import type { Plan } from '../../query/plan.ts';
import { QueryError } from '../../query/query-error.ts';
import { knownFieldType } from '../../query/search-node.ts';
import { type Aggregation, type Order, orderStages, orderValueStages } from './compile-aggregation.ts';
import { groupName } from './group-name.ts';
import { readPercentiles, type StreamRows } from './percentiles.ts';

type Row = Readonly<Record<string, unknown>>;

/** Groups that are held here where only here their order is known. */
const MAX_GROUPS = 100_000;

export async function runAggregation(
  stream: StreamRows,
  aggregation: Aggregation,
  plan: Plan,
): Promise<AggregationAnswer> {
  const { keys, order } = aggregation;
  const isOrderedHere = keys.length > 0 && order.some(({ value }) => value === undefined);
  const wanted = isOrderedHere ? MAX_GROUPS : plan.limit;
  const ordering = isOrderedHere ? orderValueStages(aggregation) : orderStages(aggregation);
  const found: Row[] = [];
  for await (const row of stream([...aggregation.groups, ...ordering, { $limit: wanted + 1 }])) found.push(row);
  if (isOrderedHere && found.length > MAX_GROUPS) throw tooManyGroups();
  // Without keys there is one group, even of no events.
  if (keys.length === 0 && found.length === 0) found.push({ _id: null });

  const limited = found.length > plan.limit;
  const kept = isOrderedHere ? found : found.slice(0, plan.limit);
  const names = kept.map((row) => groupName(idOf(row), keys));
  const percentiles = new Map<number, ReadonlyMap<string, Measure>>();
  for (const percentile of aggregation.percentiles) {
    percentiles.set(percentile.index, await readPercentiles(stream, aggregation, percentile, new Set(names)));
  }
  const groups = kept.map((row, i) => ({ row, name: names[i] ?? '' }));
  const measureOf = (index: number, name: string): Measure | null => percentiles.get(index)?.get(name) ?? null;
  if (isOrderedHere) {
    groups.sort((a, b) => compareGroups(order, (index, group) => measureOf(index, group.name), a, b));
  }
  const answered = groups.slice(0, plan.limit);
  return answerOf(aggregation, plan, {
    groups: answered.map(({ row }) => ({ ...row, ...keyValues(idOf(row), plan) })),
    limited,
    percentiles: new Map(
      aggregation.percentiles.map(({ index }) => [index, answered.map(({ name }) => measureOf(index, name))]),
    ),
  });
}

interface Group {
  readonly row: Row;
  readonly name: string;
}

/** As MongoDB orders groups, with the percentiles that it doesn't know. */
function compareGroups(
  order: readonly Order[],
  percentileOf: (index: number, group: Group) => Measure | null,
  a: Group,
  b: Group,
): number {
  let place = 0;
  for (const { aggregate, value, direction } of order) {
    const column = `order${value === undefined ? -1 : place++}`;
    const [left, right] = [a, b].map((group) =>
      value === undefined && aggregate !== undefined ? numberOf(percentileOf(aggregate, group)) : group.row[column],
    );
    const [isLeftMissing, isRightMissing] = [left ?? undefined, right ?? undefined].map((each) => each === undefined);
    if (isLeftMissing !== isRightMissing) return isLeftMissing ? 1 : -1;
    const compared = isLeftMissing ? 0 : compareValues(left, right);
    if (compared !== 0) return direction === 'asc' ? compared : -compared;
  }
  return 0;
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  const [left, right] = [a, b].map((each) => `${typeof each} ${JSON.stringify(each)}`);
  return (left ?? '') < (right ?? '') ? -1 : left === right ? 0 : 1;
}

function numberOf(measure: Measure | null): number | undefined {
  if (measure === null) return undefined;
  return typeof measure === 'number' ? measure : measure.value;
}

/** As `answerOf` takes them: what isn't of a fixed type as its JSON. */
function keyValues(id: Row, plan: Plan): Row {
  const values: Record<string, unknown> = { b: id.b };
  plan.groupBy.forEach((field, i) => {
    const value = fromBson(id[`g${i}`]) ?? null;
    const type = knownFieldType(field);
    values[`g${i}`] = value === null || (type !== undefined && type !== 'json') ? value : JSON.stringify(value);
  });
  return values;
}

function idOf(row: Row): Row {
  return typeof row._id === 'object' && row._id !== null ? { ...row._id } : {};
}

function tooManyGroups(): QueryError {
  const hint = 'order by something else, take a shorter range, or group by fewer fields';
  return new QueryError('QUERY_TOO_LARGE', `more than ${MAX_GROUPS} groups ordered by a percentile`, undefined, hint);
}
