/** Runs a plan of events. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { compileEvents, isNewestFirst, type PlanContext } from '../../query/compile-plan.ts';
import type { EventKey } from '../store.ts';
import { EVENT_JSON_SQL, readEvent } from './columns.ts';
import { readRows } from './database.ts';
import { type LiveSegment, type Snapshot, sourceSql } from './snapshot.ts';

type Event = Readonly<Record<string, unknown>>;

const SELECT_EVENT = `epoch_ms("timestamp")::DOUBLE AS ms, event_id AS id, ${EVENT_JSON_SQL}::VARCHAR AS fixed, attributes::VARCHAR AS attributes`;
const FIRST_SEGMENTS = 4;

export interface EventsAnswer {
  readonly rows: readonly Event[];
  readonly limited: boolean;
}

/**
 * Newest first, segments are read from the newest on, a few at first and then more at a time, until no older one can
 * hold an event that belongs in the answer: the latest hundred events cost the same however much is stored.
 */
export async function runEvents(
  connection: DuckDBConnection,
  directory: string,
  context: PlanContext,
  snapshot: Snapshot,
  after: EventKey | undefined,
): Promise<EventsAnswer> {
  const wanted = context.plan.limit + 1;
  const stopsEarly = isNewestFirst(context.plan);
  const found: { readonly ms: number; readonly id: string; readonly event: Event }[] = [];
  const afterMs = after === undefined ? Number.POSITIVE_INFINITY : Date.parse(after.timestamp);
  const segments = snapshot.segments.filter(({ segment }) => segment.minMs <= afterMs);
  let step = stopsEarly ? FIRST_SEGMENTS : Math.max(1, segments.length);
  for (let next = 0, isFirst = true; isFirst || next < segments.length; isFirst = false, step *= 4) {
    if (found.length >= wanted && isOlder(segments.slice(next), found[wanted - 1]?.ms)) break;
    const part = segments.slice(next, next + step);
    next += part.length;
    const source = sourceSql(directory, isFirst ? snapshot.hot : [], part);
    const { sql, values } = compileEvents(context, source, SELECT_EVENT, wanted, after);
    for (const row of await readRows(connection, sql, [...values])) {
      const attributes = typeof row.attributes === 'string' ? row.attributes : null;
      found.push({ ms: Number(row.ms), id: String(row.id), event: readEvent(String(row.fixed), attributes) });
    }
    if (stopsEarly && !isFirst) {
      found.sort((a, b) => b.ms - a.ms || compareIds(b.id, a.id));
      found.length = Math.min(found.length, wanted);
    }
  }
  const rows = found.slice(0, context.plan.limit).map(({ event }) => event);
  return { rows, limited: found.length > context.plan.limit };
}

function isOlder(segments: readonly LiveSegment[], ms: number | undefined): boolean {
  return ms !== undefined && segments.every(({ segment }) => segment.maxMs < ms);
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
