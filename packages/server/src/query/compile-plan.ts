/**
 * A plan as SQL. What is selected from, `source`, is a table expression of the store's columns, and is put in as it is.
 *
 * A plan of events is one SELECT. A plan of aggregates goes in two steps: first the events that match are summed up by trace
 * within each group, then the traces by group; `estimate.ts` says why, and turns the sums of a group into values. Most
 * traces have one sampled event in a group, and those with rate 1 bring no uncertainty: they are taken as they are, and
 * only traces with several are summed up, since a hash table with a dozen sums for each trace is what costs most.
 */
import type { EventKey } from '../store/store.ts';
import type { Column } from './answer.ts';
import { type AttributeColumns, attributeNumberSql, attributeTextSql } from './attribute-sql.ts';
import { compileWhere, timestampSql } from './compile-search.ts';
import type { Aggregate, Plan } from './plan.ts';
import { QueryError } from './query-error.ts';
import { isEventField, knownFieldType, type SearchNode, searchedFields } from './search.ts';
import { Parameters, quoteIdentifier } from './sql-text.ts';
import type { TimeRange } from './time.ts';

export interface PlanContext {
  readonly plan: Plan;
  readonly search: SearchNode;
  readonly range: TimeRange;
  readonly bucketMs: number | undefined;
}

export interface Statement {
  readonly sql: string;
  readonly values: Parameters['values'];
}

/** What is selected from: segments, or tables, that have the same attributes as columns. */
export interface SourcePart {
  /** A table expression with the columns of the store. */
  readonly table: string;
  readonly columns: AttributeColumns;
}

/** The attributes that a plan looks at. */
export function usedAttributes({ plan, search }: Pick<PlanContext, 'plan' | 'search'>): readonly string[] {
  const used = [
    ...searchedFields(search),
    ...plan.groupBy,
    ...plan.aggregates.flatMap(({ field }) => field ?? []),
    ...(asksForEvents(plan) ? plan.orderBy.map(({ column }) => column) : []),
  ];
  return [...new Set(used)].filter((field) => !isEventField(field));
}

/** True where the answer's rows are events. */
export function asksForEvents(plan: Plan): boolean {
  return plan.aggregates.length === 0 && plan.groupBy.length === 0 && plan.bucket === undefined;
}

export interface EventsPart {
  readonly source: readonly SourcePart[];
  /** All columns of the store. */
  readonly columns: string;
  /** Columns of the answer, over those of the source. */
  readonly select: string;
  readonly limit: number;
  /** Only events that come after this one. */
  readonly after: EventKey | undefined;
  /** Only events from this time on. */
  readonly sinceMs: number | undefined;
}

/** Events that match, newest first unless the plan orders them otherwise. */
export function compileEvents(context: PlanContext, part: EventsPart): Statement {
  const parameters = new Parameters();
  const { after, sinceMs } = part;
  const conditions: string[] = [];
  if (after !== undefined) {
    const time = timestampSql(Date.parse(after.timestamp), parameters);
    const id = parameters.bind(after.eventId);
    conditions.push(`"timestamp" <= ${time}`, `("timestamp" < ${time} OR event_id < ${id})`);
  }
  if (sinceMs !== undefined) conditions.push(`"timestamp" >= ${timestampSql(sinceMs, parameters)}`);
  const sorts = context.plan.orderBy.map(({ column }) => column);
  const selects = part.source.map(({ table, columns }) => {
    const sorted = sorts.map((field, i) => `, ${sortSql(field, columns)} AS o${i}`);
    const where = [matchSql(context, parameters, columns), ...conditions].join(' AND ');
    return `SELECT ${part.columns}${sorted.join('')} FROM ${table} WHERE ${where}`;
  });
  const order = context.plan.orderBy.map(({ direction }, i) => `o${i} ${direction} NULLS LAST`);
  order.push('"timestamp" DESC', 'event_id DESC');
  const orderBy = `ORDER BY ${order.join(', ')}`;
  // What is selected is worked out for the rows within the limit alone, so the order is asked for twice.
  return {
    sql: `SELECT ${part.select} FROM (SELECT * FROM (${selects.join(' UNION ALL ')}) ${orderBy} LIMIT ${part.limit}) ${orderBy}`,
    values: parameters.values,
  };
}

/** True where newer events always come before older ones, so that reading may stop early. */
export function isNewestFirst(plan: Plan): boolean {
  const [first, second] = plan.orderBy;
  return first === undefined || (first.column === 'timestamp' && first.direction === 'desc' && second === undefined);
}

/** The condition that picks a plan's events: its range and its search. */
function matchSql(context: PlanContext, parameters: Parameters, columns: AttributeColumns): string {
  const from = timestampSql(context.range.fromMs, parameters);
  const to = timestampSql(context.range.toMs, parameters);
  return `"timestamp" >= ${from} AND "timestamp" < ${to} AND ${compileWhere(context.search, parameters, columns)}`;
}

function sortSql(field: string, columns: AttributeColumns): string {
  return knownFieldType(field) === undefined ? groupSql(field, columns) : quoteIdentifier(field);
}

/** Names of the columns that the aggregates of a plan answer with, in their order. */
export function aggregateName(aggregate: Aggregate): string {
  if (aggregate.as !== undefined) return aggregate.as;
  if (aggregate.fn === 'percentile') return `p${aggregate.p}_${aggregate.field}`;
  return aggregate.field === undefined || aggregate.fn === 'count'
    ? aggregate.fn
    : `${aggregate.fn}_${aggregate.field}`;
}

export interface Aggregation {
  readonly aggregates: readonly Aggregate[];
  readonly names: readonly string[];
  /** True where events may be sampled: `matching` then has a trace `c`, and `k`, that trace within the group. */
  readonly clustered: boolean;
  /** The filtered events, reduced to what is grouped by and aggregated: the body of the CTE `e`. */
  readonly events: Statement;
  /** `g0, g1, …, b`: what a row of the answer stands for. */
  readonly keys: readonly string[];
  /** Expressions with their names: over one event, over the events of a trace, and over either of them by group. */
  readonly byEvent: readonly string[];
  readonly byTrace: readonly string[];
  readonly byGroup: readonly string[];
  /** Distinct counts and percentiles: the aggregate's number and the column of `e` that it is about. */
  readonly distinct: readonly { readonly index: number; readonly column: string }[];
  readonly percentiles: readonly { readonly index: number; readonly column: string; readonly p: number }[];
  readonly orderBy: readonly string[];
}

/**
 * @param clustered false where no event in reach is sampled
 * @throws QueryError `BAD_AGGREGATE` or `BAD_ORDER`
 */
export function compileAggregation(
  context: PlanContext,
  source: readonly SourcePart[],
  clustered: boolean,
): Aggregation {
  const { plan } = context;
  const aggregates: readonly Aggregate[] = plan.aggregates.length === 0 ? [{ fn: 'count' }] : plan.aggregates;
  const names = aggregates.map(aggregateName);
  requireDistinctNames([...plan.groupBy, ...(context.bucketMs === undefined ? [] : ['bucket']), ...names]);

  const parameters = new Parameters();
  const columns: ((attributes: AttributeColumns) => string)[] = plan.groupBy.map(
    (field, i) => (attributes) => `${groupSql(field, attributes)} AS g${i}`,
  );
  const keys = plan.groupBy.map((_, i) => `g${i}`);
  if (context.bucketMs !== undefined) {
    const width = parameters.bind(context.bucketMs);
    columns.push(() => `CAST(floor(epoch_ms("timestamp") / ${width}) * ${width} AS DOUBLE) AS b`);
    keys.push('b');
  }
  columns.push(() => `CASE WHEN "sampling.rate" > 0 AND "sampling.rate" < 1 THEN 1 / "sampling.rate" ELSE 1 END AS w`);
  if (clustered) {
    columns.push(() => 'CASE WHEN "sampling.rate" < 1 THEN hash(coalesce(trace_id, request_id, event_id)) END AS c');
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
        const value = aggregate.fn === 'distinct' ? groupSql : numberSql;
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
          [`${aggregate.fn}(${v}) AS a${i}_value`, `count(${v}) FILTER (w > 1) AS a${i}_sampled`],
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

  const selects = source.map((part) => {
    const list = columns.map((column) => column(part.columns));
    return `SELECT ${list.join(', ')} FROM ${part.table} WHERE ${matchSql(context, parameters, part.columns)}`;
  });
  return {
    aggregates,
    names,
    clustered,
    events: {
      sql: clustered ? withClusters(selects.join(' UNION ALL '), keys) : selects.join(' UNION ALL '),
      values: parameters.values,
    },
    keys,
    byEvent,
    byTrace,
    byGroup,
    distinct,
    percentiles,
    orderBy: orderSql(plan, names, values, keys),
  };
}

function withClusters(events: string, keys: readonly string[]): string {
  return `SELECT *, CASE WHEN c IS NOT NULL THEN hash(${['c', ...keys].join(', ')}) END AS k FROM (${events})`;
}

/** The columns of a {@link TotalStatistics}: by event, by trace, by group. */
function total(name: string, y: string, condition: string): Columns {
  const where = `FILTER (${condition})`;
  const one = (sql: string): string => `CASE WHEN ${condition} THEN ${sql} ELSE 0 END`;
  return [
    [
      `${one(`${y}::DOUBLE`)} AS ${name}_seen`,
      `${one(`(w - 1) * ${y}`)} AS ${name}_unseen`,
      `${one(`sqrt(w * (w - 1)) * ${y}`)} AS ${name}_spread`,
      `(w > 1 AND (${condition}))::BIGINT AS ${name}_sampled`,
    ],
    [
      `coalesce(sum(${y}) ${where}, 0)::DOUBLE AS ${name}_seen`,
      `coalesce(sum((w - 1) * ${y}) ${where}, 0) AS ${name}_unseen`,
      `coalesce(sum(sqrt(w * (w - 1)) * ${y}) ${where}, 0) AS ${name}_spread`,
      `count(*) FILTER (w > 1 AND (${condition})) AS ${name}_sampled`,
    ],
    [
      `coalesce(sum(${name}_seen), 0) AS ${name}_seen`,
      `coalesce(sum(${name}_unseen), 0) AS ${name}_unseen`,
      `coalesce(sum(${name}_spread * ${name}_spread), 0) AS ${name}_variance`,
      `coalesce(max(${name}_unseen), 0) AS ${name}_largest_unseen`,
      `coalesce(max(${name}_spread * ${name}_spread), 0) AS ${name}_largest_variance`,
      `coalesce(sum(${name}_sampled), 0)::DOUBLE AS ${name}_sampled`,
      `count(*) FILTER (${name}_sampled > 0)::DOUBLE AS ${name}_clusters`,
    ],
  ];
}

type Columns = readonly [event: readonly string[], trace: readonly string[], group: readonly string[]];

/** The columns of a {@link RatioStatistics}. */
function ratio(name: string, y: string): Columns {
  const has = `FILTER (${y} IS NOT NULL)`;
  const one = (condition: string, sql: string): string => `CASE WHEN ${condition} THEN ${sql} END`;
  return [
    [
      `w * ${y} AS ${name}_total`,
      `${one(`${y} IS NOT NULL`, 'w')} AS ${name}_weight`,
      `${one('w > 1', `w * ${y}`)} AS ${name}_sampled_total`,
      `${one(`w > 1 AND ${y} IS NOT NULL`, 'w')} AS ${name}_sampled_weight`,
      `sqrt(w * (w - 1)) * ${y} AS ${name}_a`,
      `${one(`${y} IS NOT NULL`, 'sqrt(w * (w - 1))')} AS ${name}_b`,
      `(w > 1 AND ${y} IS NOT NULL)::BIGINT AS ${name}_sampled`,
    ],
    [
      `sum(w * ${y}) AS ${name}_total`,
      `sum(w) ${has} AS ${name}_weight`,
      `sum(w * ${y}) FILTER (w > 1) AS ${name}_sampled_total`,
      `sum(w) FILTER (w > 1 AND ${y} IS NOT NULL) AS ${name}_sampled_weight`,
      `sum(sqrt(w * (w - 1)) * ${y}) AS ${name}_a`,
      `sum(sqrt(w * (w - 1))) ${has} AS ${name}_b`,
      `count(${y}) FILTER (w > 1) AS ${name}_sampled`,
    ],
    [
      ...['total', 'weight', 'sampled_total', 'sampled_weight'].map(
        (part) => `coalesce(sum(${name}_${part}), 0) AS ${name}_${part}`,
      ),
      `coalesce(sum(${name}_a * ${name}_a), 0) AS ${name}_aa`,
      `coalesce(sum(${name}_a * ${name}_b), 0) AS ${name}_ab`,
      `coalesce(sum(${name}_b * ${name}_b), 0) AS ${name}_bb`,
      `coalesce(sum(${name}_sampled), 0)::DOUBLE AS ${name}_sampled`,
      `count(*) FILTER (${name}_sampled > 0)::DOUBLE AS ${name}_clusters`,
    ],
  ];
}

/** An event is a failure by its level, its error code or its status. */
const ERROR_SQL = `coalesce(level IN ('error', 'fatal'), false) OR "error.code" IS NOT NULL OR coalesce(status >= 500, false)`;

/** What a field is grouped by; an attribute's value as JSON, so that 5 and "5" stay apart. */
function groupSql(field: string, columns: AttributeColumns): string {
  switch (knownFieldType(field)) {
    case undefined:
      return attributeTextSql(field, columns);
    case 'timestamp':
      return `strftime(${quoteIdentifier(field)}, '%Y-%m-%dT%H:%M:%S.%gZ')`;
    case 'json':
      return `${quoteIdentifier(field)}::VARCHAR`;
    case 'integer':
      return `${quoteIdentifier(field)}::DOUBLE`;
    default:
      return quoteIdentifier(field);
  }
}

function numberSql(field: string, columns: AttributeColumns): string {
  const type = knownFieldType(field);
  if (type === undefined) return attributeNumberSql(field, columns);
  if (type === 'number' || type === 'integer') return `${quoteIdentifier(field)}::DOUBLE`;
  return quoteIdentifier(field);
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

function requireNumbers({ fn, field = '' }: Aggregate): void {
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

function requireDistinctNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new QueryError(
    'BAD_AGGREGATE',
    `two columns of the answer would be named "${twice}"`,
    undefined,
    'name one of them with "as"',
  );
}
