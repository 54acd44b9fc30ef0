/** A plan as ClickHouse's SQL: the condition that both kinds share, and the plan of events. */
import { EVENT_FIELDS } from 'tailrace/event';
import { EVENTS_TABLE } from 'tailrace/sinks/clickhouse';
import type { AggregationDialect } from '../../query/compile-aggregation.ts';
import type { PlanContext } from '../../query/compile-plan.ts';
import { knownFieldType } from '../../query/search-node.ts';
import type { EventKey } from '../store.ts';
import { compileWhere } from './compile-search.ts';
import { type Columns, columnName, columnSql, groupSql, numberSql, timestampSql, timeTextSql } from './sql.ts';

/** FINAL makes one row of the rows of a double. */
export const EVENTS = `${EVENTS_TABLE} FINAL`;

/** Every column of an event, for {@link readEvent}. */
export const EVENT_COLUMNS = [
  ...Object.keys(EVENT_FIELDS).map((field) =>
    field === 'timestamp' ? `${timeTextSql('"timestamp"')} AS "time"` : columnName(field),
  ),
  'attributes',
].join(', ');

export function matchSql({ range, search }: PlanContext, columns: Columns): string {
  return `${rangeSql({ range }, columns)} AND ${compileWhere(search, columns)}`;
}

function rangeSql({ range }: Pick<PlanContext, 'range'>, { parameters }: Columns): string {
  const from = timestampSql(range.fromMs, parameters);
  return `"timestamp" >= ${from} AND "timestamp" < ${timestampSql(range.toMs, parameters)}`;
}

/**
 * Events that match, newest first unless the plan orders them otherwise. Their keys are found first, and only for the
 * rows within the limit the wide columns are read.
 */
export function compileEvents(
  context: PlanContext,
  after: EventKey | undefined,
  limit: number,
  columns: Columns,
): string {
  const { parameters } = columns;
  const conditions = [matchSql(context, columns)];
  if (after !== undefined) {
    const time = timestampSql(Date.parse(after.timestamp), parameters);
    const id = parameters.text(after.eventId);
    conditions.push(`"timestamp" <= ${time}`, `("timestamp" < ${time} OR event_id < ${id})`);
  }
  const order = context.plan.orderBy.map(
    ({ column, direction }) => `${sortSql(column, columns)} ${direction} NULLS LAST`,
  );
  order.push('"timestamp" DESC', 'event_id DESC');
  const orderBy = `ORDER BY ${order.join(', ')}`;
  const key = '(service, "timestamp", event_id)';
  const keys = `SELECT service, "timestamp", event_id FROM ${EVENTS} WHERE ${conditions.join(' AND ')} ${orderBy} LIMIT ${limit}`;
  return `SELECT ${EVENT_COLUMNS} FROM ${EVENTS} WHERE ${rangeSql(context, columns)} AND ${key} IN (${keys}) ${orderBy}`;
}

function sortSql(field: string, columns: Columns): string {
  return knownFieldType(field) === undefined ? groupSql(field, columns) : columnSql(field);
}

/** The event again: only the keys that it had, the known fields first. */
export function readEvent(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const field of Object.keys(EVENT_FIELDS)) {
    const value = field === 'timestamp' ? row.time : row[field];
    if (value === null || value === undefined || (field === 'service' && value === '')) continue;
    event[field] = field === 'steps' ? JSON.parse(String(value)) : value;
  }
  const members = Object.entries(Object(row.attributes)).map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const attributes: unknown = JSON.parse(`{${members.join(',')}}`);
  for (const [name, value] of Object.entries(Object(attributes))) {
    // Assigning `__proto__` would set the prototype instead of a key.
    if (name === '__proto__')
      Object.defineProperty(event, name, { value, enumerable: true, configurable: true, writable: true });
    else event[name] = value;
  }
  return event;
}

export function clickHouseDialect(context: PlanContext, columns: Columns): AggregationDialect {
  return {
    group: (field) => groupSql(field, columns),
    number: (field) => numberSql(field, columns),
    bucket: (widthMs) => {
      const width = columns.parameters.number(widthMs);
      return `(floor(toUnixTimestamp64Milli("timestamp") / ${width}) * ${width})`;
    },
    trace: 'sipHash64(coalesce(trace_id, request_id, event_id))',
    match: () => matchSql(context, columns),
  };
}
