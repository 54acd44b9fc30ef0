import { planSchema } from '../../../packages/server/src/query/plan.ts';
import { QueryError } from '../../../packages/server/src/query/query-error.ts';
import { resolveBucketMs, resolveRange } from '../../../packages/server/src/query/time.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const NOW = Date.UTC(2026, 10, 21);

/** A plan's JSON: refused with reasons, or a plan that stays the same when it is read again, with a range that has a length. */
export const plan: FuzzTarget = {
  name: 'plan',
  inputs: bytesLike(
    [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"from"',
      '"to"',
      '"now"',
      '"-15m"',
      '"where"',
      '"groupBy"',
      '"service"',
      '"aggregates"',
      '{"fn":"count"}',
      '{"fn":"percentile","field":"duration_ms","p":99}',
      '"bucket"',
      '"1m"',
      '"limit"',
      '1e9',
      '-1',
      'null',
      '"__proto__"',
    ],
    [
      '{"from":"-1h","to":"now","where":"service:pay","groupBy":["route"],"aggregates":[{"fn":"count"},{"fn":"percentile","field":"duration_ms","p":99}],"bucket":"1m","limit":10}',
      '{"from":"2026-11-21T09:00:00Z","to":"2026-11-21","orderBy":[{"column":"timestamp","direction":"asc"}]}',
    ],
  ),
  check(input) {
    let value: unknown;
    try {
      value = JSON.parse(input.toString());
    } catch {
      return;
    }
    const read = planSchema.safeParse(value);
    if (!read.success) {
      holds(read.error.issues.length > 0, 'a refusal names its reasons');
      return;
    }
    holds(Object.getPrototypeOf(read.data) === Object.prototype, 'a plan has no prototype of its own');
    const again = planSchema.parse(JSON.parse(JSON.stringify(read.data)));
    holds(JSON.stringify(again) === JSON.stringify(read.data), 'a plan that was read is read as the same');
    try {
      const range = resolveRange(read.data, NOW);
      holds(range.fromMs <= range.toMs, `a range from ${range.fromMs} to ${range.toMs}`);
      if (read.data.bucket !== undefined) holds(resolveBucketMs(read.data.bucket, range) > 0, 'a bucket has a length');
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
    }
  },
  growing: [
    (size) => Buffer.from(`{"groupBy":[${'"a",'.repeat(size / 4)}"a"]}`),
    (size) => Buffer.from(`{"from":"${'9'.repeat(size)}"}`),
  ],
};
