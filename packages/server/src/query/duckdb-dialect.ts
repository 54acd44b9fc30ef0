/** What DuckDB writes differently in an aggregation. */
import type { AggregationDialect } from './compile-aggregation.ts';
import { groupSql, matchSql, numberSql, type PlanContext } from './compile-plan.ts';
import type { Parameters } from './sql-text.ts';

/** @param parameters take what the dialect binds */
export function duckDbDialect(context: PlanContext, parameters: Parameters): AggregationDialect {
  return {
    group: groupSql,
    number: numberSql,
    bucket: (widthMs) => {
      const width = parameters.bind(widthMs);
      return `CAST(floor(epoch_ms("timestamp") / ${width}) * ${width} AS DOUBLE)`;
    },
    trace: 'hash(coalesce(trace_id, request_id, event_id))',
    match: (part) => matchSql(context, parameters, part),
  };
}
