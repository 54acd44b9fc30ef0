/**
 * A plan as SQL: what both kinds of plan share, and the plan of events. A plan of aggregates is in
 * `compile-aggregation.ts`. What is selected from is given as table expressions of the store's columns.
 */
import type { EventKey } from '../store/store.ts';
import { type AttributeColumns, attributeNumberSql, attributeTextSql } from './attribute-sql.ts';
import { compileWhere, timestampSql } from './compile-search.ts';
import type { Plan } from './plan.ts';
import { isEventField, knownFieldType, type SearchNode, searchedFields } from './search-node.ts';
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
  /** What is left to look for in it, where that is less than the plan's search. */
  readonly search?: SearchNode | undefined;
  /** All of its events are known to lie in the plan's range, so that their times needn't be looked at. */
  readonly isInRange?: boolean;
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

export interface Span {
  readonly fromMs: number;
  /** `Infinity` where there is no end. */
  readonly toMs: number;
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
  /** Only events between these times, both included. */
  readonly within: Span | undefined;
  /** Only events that come no later than this one by the first column of the order, where that holds numbers. */
  readonly reach?: number | undefined;
}

/** Events that match, newest first unless the plan orders them otherwise. */
export function compileEvents(context: PlanContext, part: EventsPart): Statement {
  const parameters = new Parameters();
  const { after, within, reach } = part;
  const conditions: string[] = [];
  const [first] = context.plan.orderBy;
  if (reach !== undefined && first !== undefined) {
    conditions.push(
      `${quoteIdentifier(first.column)} ${first.direction === 'desc' ? '>=' : '<='} ${parameters.bind(reach)}`,
    );
  }
  if (after !== undefined) {
    const time = timestampSql(Date.parse(after.timestamp), parameters);
    const id = parameters.bind(after.eventId);
    conditions.push(`"timestamp" <= ${time}`, `("timestamp" < ${time} OR event_id < ${id})`);
  }
  if (within !== undefined) {
    conditions.push(`"timestamp" >= ${timestampSql(within.fromMs, parameters)}`);
    if (Number.isFinite(within.toMs)) conditions.push(`"timestamp" <= ${timestampSql(within.toMs, parameters)}`);
  }
  const sorts = context.plan.orderBy.map(({ column }) => column);
  const selects = part.source.map((from) => {
    const sorted = sorts.map((field, i) => `, ${sortSql(field, from.columns)} AS o${i}`);
    const where = [matchSql(context, parameters, from), ...conditions].join(' AND ');
    return `SELECT ${part.columns}${sorted.join('')} FROM ${from.table} WHERE ${where}`;
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

/**
 * The last value that the first column of the order has within a limit, so that the rest of the columns need to be read
 * only where it is reached; `undefined` where that column doesn't hold numbers.
 */
export function compileReach(
  context: PlanContext,
  { source, limit }: Pick<EventsPart, 'source' | 'limit'>,
): Statement | undefined {
  const [first] = context.plan.orderBy;
  if (first === undefined || !['number', 'integer'].includes(knownFieldType(first.column) ?? '')) return undefined;
  const parameters = new Parameters();
  const selects = source.map(
    (from) =>
      `SELECT ${quoteIdentifier(first.column)} AS value FROM ${from.table} WHERE ${matchSql(context, parameters, from)}`,
  );
  const ordered = `SELECT value FROM (${selects.join(' UNION ALL ')}) ORDER BY value ${first.direction} NULLS LAST LIMIT ${limit}`;
  // Where there are fewer, or some have no value, the last is NULL or too early: then nothing may be left out.
  const last = first.direction === 'desc' ? 'min' : 'max';
  return {
    sql: `SELECT CASE WHEN count(value) = ${limit} THEN ${last}(value)::DOUBLE END AS reach FROM (${ordered})`,
    values: parameters.values,
  };
}

/** True where newer events always come before older ones, so that reading may stop early. */
export function isNewestFirst(plan: Plan): boolean {
  const [first, second] = plan.orderBy;
  return first === undefined || (first.column === 'timestamp' && first.direction === 'desc' && second === undefined);
}

/** The condition that picks a plan's events: its range and its search. */
export function matchSql(
  context: PlanContext,
  parameters: Parameters,
  { columns, search = context.search, isInRange = false }: Omit<SourcePart, 'table'>,
): string {
  const condition = compileWhere(search, parameters, columns);
  if (isInRange) return condition;
  const from = timestampSql(context.range.fromMs, parameters);
  const to = timestampSql(context.range.toMs, parameters);
  return `"timestamp" >= ${from} AND "timestamp" < ${to} AND ${condition}`;
}

function sortSql(field: string, columns: AttributeColumns): string {
  return knownFieldType(field) === undefined ? groupSql(field, columns) : quoteIdentifier(field);
}

/** What a field is grouped by; an attribute's value as JSON, so that 5 and "5" stay apart. */
export function groupSql(field: string, columns: AttributeColumns): string {
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

export function numberSql(field: string, columns: AttributeColumns): string {
  const type = knownFieldType(field);
  if (type === undefined) return attributeNumberSql(field, columns);
  if (type === 'number' || type === 'integer') return `${quoteIdentifier(field)}::DOUBLE`;
  return quoteIdentifier(field);
}
