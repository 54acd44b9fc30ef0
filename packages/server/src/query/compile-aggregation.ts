/**
 * A plan of aggregates as SQL, in two steps: first the events that match are summed up by trace within each group, then
 * the traces by group; `estimate.ts` says why, and turns the sums of a group into values. Most traces have one sampled
 * event in a group, and those with rate 1 bring no uncertainty: they are taken as they are, and only traces with
 * several are summed up, since a hash table with a dozen sums for each trace is what costs most.
 */
import { ratio, total } from './aggregate-sql.ts';
import type { Column } from './answer.ts';
import type { AttributeColumns } from './attribute-sql.ts';
import type { PlanContext, SourcePart } from './compile-plan.ts';
import type { Aggregate, Plan } from './plan.ts';
import { QueryError } from './query-error.ts';
import { knownFieldType } from './search-node.ts';

/** An event is a failure by its level, its error code or its status. */
const ERROR_SQL = `coalesce(level IN ('error', 'fatal'), false) OR "error.code" IS NOT NULL OR coalesce(status >= 500, false)`;

/** Names of the columns that the aggregates of a plan answer with, in their order. */
export function aggregateName(aggregate: Aggregate): string {
  if (aggregate.as !== undefined) return aggregate.as;
  if (aggregate.fn === 'percentile') return `p${aggregate.p}_${aggregate.field}`;
  return aggregate.field === undefined || aggregate.fn === 'count'
    ? aggregate.fn
    : `${aggregate.fn}_${aggregate.field}`;
}

/** What databases write differently. Values are bound as the dialect does it. */
export interface AggregationDialect {
  /** What a field is grouped by; an attribute's value as JSON, so that 5 and "5" stay apart. */
  readonly group: (field: string, attributes: AttributeColumns) => string;
  /** The value of a field where it is a number. */
  readonly number: (field: string, attributes: AttributeColumns) => string;
  /** The start of an event's bucket in milliseconds. */
  readonly bucket: (widthMs: number) => string;
  /** A number for the trace of an event. */
  readonly trace: string;
  /** The condition that picks the plan's events. */
  readonly match: (part: SourcePart) => string;
}

export interface Aggregation {
  readonly aggregates: readonly Aggregate[];
  readonly names: readonly string[];
  /** True where events may be sampled: `events` then have a trace `c`, NULL where the event's rate is 1. */
  readonly clustered: boolean;
  /** The filtered events, reduced to what is grouped by and aggregated, with their weight `w`. */
  readonly events: string;
  /** `g0, g1, …, b`: what a row of the answer stands for. */
  readonly keys: readonly string[];
  /** Expressions with their names: over one event, over the events of a trace, and over either of them by group. */
  readonly byEvent: readonly string[];
  readonly byTrace: readonly string[];
  readonly byGroup: readonly string[];
  /** Distinct counts and percentiles: the aggregate's number and the column of `events` that it is about. */
  readonly distinct: readonly { readonly index: number; readonly column: string }[];
  readonly percentiles: readonly { readonly index: number; readonly column: string; readonly p: number }[];
  readonly orderBy: readonly string[];
}

/**
 * @param clustered false where no event in reach is sampled
 * @throws QueryError `BAD_AGGREGATE` or `BAD_ORDER`
 */
export function compileAggregation(
  { plan, bucketMs }: Pick<PlanContext, 'plan' | 'bucketMs'>,
  source: readonly SourcePart[],
  clustered: boolean,
  dialect: AggregationDialect,
): Aggregation {
  const aggregates: readonly Aggregate[] = plan.aggregates.length === 0 ? [{ fn: 'count' }] : plan.aggregates;
  const names = aggregates.map(aggregateName);
  requireDistinctNames([...plan.groupBy, ...(bucketMs === undefined ? [] : ['bucket']), ...names]);

  const columns: ((attributes: AttributeColumns) => string)[] = plan.groupBy.map(
    (field, i) => (attributes) => `${dialect.group(field, attributes)} AS g${i}`,
  );
  const keys = plan.groupBy.map((_, i) => `g${i}`);
  if (bucketMs !== undefined) {
    const bucket = dialect.bucket(bucketMs);
    columns.push(() => `${bucket} AS b`);
    keys.push('b');
  }
  columns.push(() => `CASE WHEN "sampling.rate" > 0 AND "sampling.rate" < 1 THEN 1 / "sampling.rate" ELSE 1 END AS w`);
  if (clustered) {
    columns.push(() => `CASE WHEN "sampling.rate" < 1 THEN ${dialect.trace} END AS c`);
  }
  if (aggregates.some(({ fn }) => fn === 'error_rate')) columns.push(() => `${ERROR_SQL} AS failed`);

  const byEvent: string[] = [];
  const byTrace: string[] = [];
  const byGroup: string[] = [];
  const distinct: { index: number; column: string }[] = [];
  const percentiles: { index: number; column: string; p: number }[] = [];
  const values: string[] = [];
  aggregates.forEach((aggregate, i) => {
    const field = aggregate.field;
    const v = `v${i}`;
    requireNumbers(aggregate);
    if (field !== undefined && aggregate.fn !== 'count' && aggregate.fn !== 'error_rate') {
      columns.push((attributes) => {
        const value = aggregate.fn === 'distinct' ? dialect.group : dialect.number;
        return `${value(field, attributes)} AS ${v}`;
      });
    }
    const add = (event: readonly string[], trace: readonly string[], group: readonly string[]): void => {
      byEvent.push(...event);
      byTrace.push(...trace);
      byGroup.push(...group);
    };
    switch (aggregate.fn) {
      case 'count':
        add(...total(`a${i}`, '1', 'true'));
        values.push(`a${i}_seen + a${i}_unseen`);
        break;
      case 'sum':
        add(...total(`a${i}`, v, `${v} IS NOT NULL`));
        add([`${v} AS a${i}_min`], [`min(${v}) AS a${i}_min`], [`min(a${i}_min) AS a${i}_min`]);
        values.push(`a${i}_seen + a${i}_unseen`);
        break;
      case 'avg':
        add(...ratio(`a${i}`, v));
        add([`${v} AS a${i}_min`], [`min(${v}) AS a${i}_min`], [`min(a${i}_min) AS a${i}_min`]);
        values.push(`a${i}_total / nullif(a${i}_weight, 0)`);
        break;
      case 'error_rate':
        add(...total(`a${i}`, '1', 'failed'));
        add(...total(`s${i}`, '1', 'NOT failed'));
        values.push(`(a${i}_seen + a${i}_unseen) / nullif(a${i}_seen + a${i}_unseen + s${i}_seen + s${i}_unseen, 0)`);
        break;
      case 'min':
      case 'max':
        add(
          [`${v} AS a${i}_value`, `(w > 1 AND ${v} IS NOT NULL)::BIGINT AS a${i}_sampled`],
          [`${aggregate.fn}(${v}) AS a${i}_value`, `count(${v}) FILTER (WHERE w > 1) AS a${i}_sampled`],
          [`${aggregate.fn}(a${i}_value) AS a${i}_value`, `coalesce(sum(a${i}_sampled), 0)::DOUBLE AS a${i}_sampled`],
        );
        values.push(`a${i}_value`);
        break;
      case 'distinct':
        add(...total(`a${i}`, '1', `${v} IS NOT NULL`));
        distinct.push({ index: i, column: v });
        values.push(`coalesce(a${i}_distinct, 0)`);
        break;
      case 'percentile':
        add(...total(`a${i}`, '1', `${v} IS NOT NULL`));
        percentiles.push({ index: i, column: v, p: (aggregate.p ?? 50) / 100 });
        values.push(`a${i}_value`);
        break;
    }
  });

  // How many sampled events each group shows, whatever is asked of it.
  byEvent.push('(w > 1)::BIGINT AS sampled');
  byTrace.push('count(*) FILTER (WHERE w > 1) AS sampled');
  byGroup.push('coalesce(sum(sampled), 0)::DOUBLE AS sampled');

  const selects = source.map((part) => {
    const list = columns.map((column) => column(part.columns));
    return `SELECT ${list.join(', ')} FROM ${part.table} WHERE ${dialect.match(part)}`;
  });
  return {
    aggregates,
    names,
    clustered,
    events: selects.join(' UNION ALL '),
    keys,
    byEvent,
    byTrace,
    byGroup,
    distinct,
    percentiles,
    orderBy: orderSql(plan, names, values, keys),
  };
}

/** The type of a group's column; attributes are answered as what their events hold. */
export function groupColumnType(field: string): Column['type'] {
  const type = knownFieldType(field);
  return type === undefined ? 'json' : type === 'integer' ? 'number' : type;
}

function orderSql(plan: Plan, names: readonly string[], values: readonly string[], keys: readonly string[]): string[] {
  const columns = new Map<string, string>();
  plan.groupBy.forEach((field, i) => {
    columns.set(field, `g${i}`);
  });
  if (keys.includes('b')) columns.set('bucket', 'b');
  names.forEach((name, i) => {
    columns.set(name, values[i] ?? 'NULL');
  });
  const order = plan.orderBy.map(({ column, direction }) => {
    const sql = columns.get(column);
    if (sql === undefined) {
      const hint = `order by one of: ${[...columns.keys()].join(', ')}`;
      throw new QueryError('BAD_ORDER', `the answer has no column "${column}"`, undefined, hint);
    }
    return `${sql} ${direction} NULLS LAST`;
  });
  if (order.length === 0 && keys.includes('b')) order.push('b ASC');
  if (order.length <= 1 && plan.orderBy.length === 0) order.push(`${values[0] ?? 'NULL'} DESC NULLS LAST`);
  // The keys last, so that ties have an order too and an answer is the same each time.
  return [...order, ...keys.map((key) => `${key} ASC NULLS LAST`)];
}

/** @throws QueryError where an aggregate needs numbers and its field holds none. */
export function requireNumbers({ fn, field = '' }: Aggregate): void {
  const type = knownFieldType(field);
  const needsNumbers = fn !== 'count' && fn !== 'error_rate' && fn !== 'distinct';
  if (!needsNumbers || type === undefined || type === 'number' || type === 'integer') return;
  throw new QueryError(
    'BAD_AGGREGATE',
    `${fn} needs numbers, and ${field} holds none`,
    undefined,
    `use distinct, or group by ${field}`,
  );
}

/** @throws QueryError where two columns would have the same name. */
export function requireDistinctNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new QueryError(
    'BAD_AGGREGATE',
    `two columns of the answer would be named "${twice}"`,
    undefined,
    'name one of them with "as"',
  );
}
