/** Runs a plan of events. */
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  compileEvents,
  compileReach,
  type EventsPart,
  isNewestFirst,
  type PlanContext,
  type Span,
  usedAttributes,
} from '../../query/compile-plan.ts';
import type { EventKey } from '../store.ts';
import { ALL_COLUMNS, EVENT_JSON_SQL, readEvent } from './columns.ts';
import { readRows } from './database.ts';
import { type LiveSegment, sourceParts, type View } from './snapshot.ts';

type Event = Readonly<Record<string, unknown>>;

const KEY = `epoch_ms("timestamp")::DOUBLE AS ms, event_id AS id`;
const WHOLE = `${KEY}, ${EVENT_JSON_SQL}::VARCHAR AS fixed, attributes::VARCHAR AS attributes`;
/** Rows that are looked at first; four times as many in each further step. */
const FIRST_ROWS = 40_000;

export interface EventsAnswer {
  readonly rows: readonly Event[];
  readonly limited: boolean;
}

interface Found {
  readonly ms: number;
  readonly id: string;
  readonly event: Event;
}

/**
 * Newest first, segments are read from the newest on, a few at first and then more at a time, until no older one can
 * hold an event that belongs in the answer: the latest hundred events cost the same however much is stored. Their keys
 * are found before the rest of them is read, so that the wide columns are touched only where the answer lies. In another
 * order all segments are looked at, and where that order is of numbers, they too are found first.
 */
export async function runEvents(
  connection: DuckDBConnection,
  directory: string,
  context: PlanContext,
  snapshot: View,
  after: EventKey | undefined,
): Promise<EventsAnswer> {
  const { limit } = context.plan;
  const wanted = limit + 1;
  const attributes = usedAttributes(context);
  if (!isNewestFirst(context.plan)) {
    const source = sourceParts(directory, snapshot.hot, snapshot.segments, attributes, context.range);
    const reach = after === undefined ? await reachOf(connection, context, { source, limit: wanted }) : undefined;
    const rows = await readPart(connection, context, { source, limit: wanted, after, within: undefined, reach });
    return { rows: rows.slice(0, limit).map(({ event }) => event), limited: rows.length > limit };
  }
  const afterMs = after === undefined ? Number.POSITIVE_INFINITY : Date.parse(after.timestamp);
  const segments = snapshot.segments.filter(({ segment }) => segment.minMs <= afterMs);
  let found: readonly Found[] = [];
  let next = 0;
  for (let rows = FIRST_ROWS; ; rows *= 4) {
    const part = takeRows(segments, next, rows);
    const source = sourceParts(directory, next === 0 ? snapshot.hot : [], part, attributes, context.range);
    const last = found[wanted - 1]?.ms;
    const within = last === undefined ? undefined : { fromMs: last, toMs: Number.POSITIVE_INFINITY };
    const span = await spanOf(connection, context, { source, limit: wanted, after, within });
    if (span !== undefined) {
      const rows = await readPart(connection, context, { source, limit: wanted, after, within: span });
      found = [...found, ...rows].sort(newestFirst).slice(0, wanted);
    }
    next += part.length;
    if (next >= segments.length || (found.length >= wanted && isOlder(segments.slice(next), found.at(-1)))) break;
  }
  return { rows: found.slice(0, limit).map(({ event }) => event), limited: found.length > limit };
}

/** The segments from a place on, until they have so many rows. */
function takeRows(segments: readonly LiveSegment[], from: number, rows: number): readonly LiveSegment[] {
  let end = from;
  for (let taken = 0; end < segments.length && taken < rows; end += 1) taken += segments[end]?.segment.rows ?? 0;
  return segments.slice(from, end);
}

async function reachOf(
  connection: DuckDBConnection,
  context: PlanContext,
  part: Pick<EventsPart, 'source' | 'limit'>,
): Promise<number | undefined> {
  const statement = compileReach(context, part);
  if (statement === undefined) return undefined;
  const [row] = await readRows(connection, statement.sql, [...statement.values]);
  return typeof row?.reach === 'number' ? row.reach : undefined;
}

type Part = Omit<EventsPart, 'select' | 'columns'>;

/** The times between which the events lie that a part has to give. */
async function spanOf(connection: DuckDBConnection, context: PlanContext, part: Part): Promise<Span | undefined> {
  const { sql, values } = compileEvents(context, { ...part, columns: ALL_COLUMNS, select: KEY });
  const [row] = await readRows(connection, `SELECT min(ms) AS low, max(ms) AS high FROM (${sql})`, [...values]);
  return typeof row?.low === 'number' && typeof row.high === 'number' ? { fromMs: row.low, toMs: row.high } : undefined;
}

async function readPart(connection: DuckDBConnection, context: PlanContext, part: Part): Promise<Found[]> {
  const { sql, values } = compileEvents(context, { ...part, columns: ALL_COLUMNS, select: WHOLE });
  const rows = await readRows(connection, sql, [...values]);
  return rows.map((row) => {
    const attributes = typeof row.attributes === 'string' ? row.attributes : null;
    return { ms: Number(row.ms), id: String(row.id), event: readEvent(String(row.fixed), attributes) };
  });
}

function isOlder(segments: readonly LiveSegment[], last: Found | undefined): boolean {
  return last !== undefined && segments.every(({ segment }) => segment.maxMs < last.ms);
}

function newestFirst(a: Found, b: Found): number {
  return b.ms - a.ms || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
