/** Runs a plan, or finds one event, on one connection over one snapshot. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { compileAggregation } from '../../query/compile-aggregation.ts';
import { asksForEvents, type PlanContext, usedAttributes } from '../../query/compile-plan.ts';
import { duckDbDialect } from '../../query/duckdb-dialect.ts';
import type { AggregationAnswer } from '../../query/measures.ts';
import { Parameters } from '../../query/sql-text.ts';
import type { QueryOptions } from '../store.ts';
import { EVENT_JSON_SQL, readEvent } from './columns.ts';
import { readRows } from './database.ts';
import { runAggregation } from './run-aggregation.ts';
import { runEvents } from './run-events.ts';
import { type Snapshot, sourceParts, sourceSql, type View } from './snapshot.ts';

export async function runPlan(
  connection: DuckDBConnection,
  directory: string,
  context: PlanContext,
  snapshot: View,
  options: QueryOptions,
): Promise<AggregationAnswer> {
  if (asksForEvents(context.plan)) {
    const { rows, limited } = await runEvents(connection, directory, context, snapshot, options.after);
    return { columns: [], rows, limited, isEstimated: false, warnings: [] };
  }
  const source = sourceParts(directory, snapshot.hot, snapshot.segments, usedAttributes(context), context.range);
  const parameters = new Parameters();
  const dialect = duckDbDialect(context, parameters);
  const aggregation = compileAggregation(context, source, snapshot.isSampled, dialect);
  return runAggregation(connection, aggregation, parameters.values, context.plan);
}

export async function findEvent(
  connection: DuckDBConnection,
  directory: string,
  snapshot: Snapshot,
  id: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const source = sourceSql(directory, snapshot.hot, snapshot.segments);
  const [row] = await readRows(
    connection,
    `SELECT ${EVENT_JSON_SQL}::VARCHAR AS fixed, attributes::VARCHAR AS attributes FROM ${source} WHERE event_id = $1 LIMIT 1`,
    [id],
  );
  if (row === undefined) return undefined;
  return readEvent(String(row.fixed), typeof row.attributes === 'string' ? row.attributes : null);
}
