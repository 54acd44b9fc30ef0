/**
 * The plan: a query as data. The search bar, the API, the screens and every later kind of question end in one of these,
 * and a store compiles it to its own dialect.
 */
import { z } from 'zod';

/** An RFC 3339 time, or one relative to now: `now`, `-15m`, `now-1h`. Units: s, m, h, d, w. */
export const planTime = z
  .string()
  .max(64)
  .regex(
    /^(?:now|(?:now)?-\d{1,9}(?:s|m|h|d|w)|\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?)$/,
    'must be RFC 3339 (2026-11-21T09:00:00Z) or relative to now (-15m, now)',
  );

const fieldName = z.string().min(1).max(256);

export const AGGREGATE_FUNCTIONS = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'percentile',
  'distinct',
  'error_rate',
] as const;

export const planAggregate = z
  .strictObject({
    fn: z.enum(AGGREGATE_FUNCTIONS).describe('What is worked out.'),
    field: fieldName.optional().describe('The field to aggregate. Needed, except for count and error_rate.'),
    p: z.number().gt(0).lt(100).optional().describe('For percentile, which needs it: 99 is the 99th percentile.'),
    as: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('Name of the column in the answer. Left out, it is count, avg_duration_ms, p99_duration_ms and so on.'),
  })
  .superRefine((aggregate, context) => {
    const needsField = aggregate.fn !== 'count' && aggregate.fn !== 'error_rate';
    if (needsField && aggregate.field === undefined) {
      context.addIssue({ code: 'custom', path: ['field'], message: `${aggregate.fn} needs a field` });
    }
    if (aggregate.fn === 'percentile' && aggregate.p === undefined) {
      context.addIssue({ code: 'custom', path: ['p'], message: 'percentile needs p, for example 99' });
    }
  });

export const planSchema = z.strictObject({
  from: planTime.default('-15m').describe('Start of the range, included.'),
  to: planTime.default('now').describe('End of the range, not included.'),
  where: z.string().max(8192).default('').describe('Which events: a search, as in the search bar. Empty means all.'),
  groupBy: z.array(fieldName).max(8).default([]).describe('Fields: one row for each combination of their values.'),
  aggregates: z
    .array(planAggregate)
    .max(16)
    .default([])
    .describe('What is worked out for each row. Without aggregates, groups and buckets the rows are events.'),
  bucket: z
    .string()
    .regex(/^(?:auto|[1-9]\d{0,5}(?:s|m|h|d))$/, 'must be auto or a duration such as 1m')
    .optional()
    .describe('Groups by time too: 10s, 1m, 1h, 1d, or auto for some 60 buckets. The column is bucket.'),
  orderBy: z
    .array(
      z.strictObject({
        column: z.string().min(1).max(256).describe('A column of the answer; for events, a field.'),
        direction: z.enum(['asc', 'desc']).default('desc').describe('Smallest or largest first.'),
      }),
    )
    .max(4)
    .default([])
    .describe('Left out: events newest first, buckets oldest first, groups by their first aggregate.'),
  limit: z.int().min(1).max(10_000).default(100).describe('Rows at most. meta.limited says whether there were more.'),
});

/** A plan as a client writes it: everything may be left out. */
export type PlanInput = z.input<typeof planSchema>;
export type Plan = z.output<typeof planSchema>;
export type Aggregate = z.output<typeof planAggregate>;
