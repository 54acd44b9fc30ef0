import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Plan, type PlanInput, planSchema } from '../../query/plan.ts';
import { resolveBucketMs } from '../../query/time.ts';
import type { Store } from '../store.ts';
import { ATTRIBUTES, type Event, generatedSearch, NOW } from '../testing/generated.ts';
import { openMixedStore } from '../testing/mixed-store.ts';
import { naiveEvents, naiveGroups } from '../testing/naive-answer.ts';

const RUNS = process.env.TAILRACE_TEST_THOROUGH === '1' ? 1_000 : 200;

let directory: string;
let store: Store;
let events: readonly Event[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-plan-'));
  ({ store, events } = await openMixedStore(directory, 2, 600));
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const numeric = fc.constantFrom('duration_ms', 'status', 'payment.amount', 'tags', 'absent');
const anyField = fc.constantFrom(
  'service',
  'level',
  'route',
  'status',
  'error.code',
  'user.id',
  'timestamp',
  ...ATTRIBUTES,
);
const aggregate = fc.oneof(
  fc.constant({ fn: 'count' as const }),
  fc.constant({ fn: 'error_rate' as const }),
  fc.record({ fn: fc.constantFrom('sum', 'avg', 'min', 'max'), field: numeric }),
  fc.record({ fn: fc.constant('distinct' as const), field: anyField }),
  fc.record({ fn: fc.constant('percentile' as const), field: numeric, p: fc.constantFrom(1, 50, 90, 99, 99.9) }),
);
const generatedPlan: fc.Arbitrary<PlanInput> = fc
  .record(
    {
      from: fc.constantFrom('-1h', '-2h', '-1d', '2026-11-21T08:00:00Z'),
      to: fc.constantFrom('now', '-20m'),
      where: fc.oneof({ arbitrary: fc.constant(''), weight: 2 }, generatedSearch),
      groupBy: fc.uniqueArray(anyField, { maxLength: 2 }),
      aggregates: fc.array(aggregate, { maxLength: 4 }),
      bucket: fc.constantFrom('1m', '10m', '1h', 'auto'),
      limit: fc.constantFrom(1, 5, 10_000),
    },
    { requiredKeys: ['from', 'groupBy', 'aggregates', 'limit'] },
  )
  .map((plan) => ({ ...plan, aggregates: plan.aggregates.map((each, i) => ({ ...each, as: `a${i}` })) }));

interface Measured {
  readonly value: number | null;
  readonly low: number;
  readonly high: number;
  readonly isEstimate: boolean;
}

function measured(value: unknown): Measured {
  if (typeof value === 'object' && value !== null && 'value' in value && 'low' in value && 'high' in value) {
    return { value: Number(value.value), low: Number(value.low), high: Number(value.high), isEstimate: true };
  }
  const number = typeof value === 'number' ? value : null;
  return { value: number, low: number ?? 0, high: number ?? 0, isEstimate: false };
}

function isClose(a: number | null, b: number | null, scale = 0): boolean {
  if (a === null || b === null) return a === b;
  // Sums of doubles depend on their order, above all where large terms cancel.
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b), scale);
}

function checkGroups(plan: Plan, rows: readonly Event[]): void {
  const expected = naiveGroups(plan, events, NOW);
  expect(rows).toHaveLength(Math.min(expected.length, plan.limit));
  const byKey = new Map(expected.map((group) => [JSON.stringify(group.keys), group]));
  const names = plan.aggregates.length === 0 ? ['count'] : plan.aggregates.map(({ as }) => as ?? '');
  const keyNames = [...(plan.bucket === undefined ? [] : ['bucket']), ...plan.groupBy];
  for (const row of rows) {
    const group = byKey.get(JSON.stringify(keyNames.map((name) => row[name])));
    expect(group, `a group that should not be there: ${JSON.stringify(row)}`).toBeDefined();
    names.forEach((name, i) => {
      const { value, low, high, isEstimate } = measured(row[name]);
      const naive = group?.values[i] ?? null;
      const scale = plan.aggregates[i]?.fn === 'sum' || plan.aggregates[i]?.fn === 'avg' ? 1e300 : 0;
      expect(
        isClose(value, naive, Math.min(scale, Math.abs(naive ?? 0) * 1e3)),
        `${name}: ${value} instead of ${naive} in ${JSON.stringify(row)}`,
      ).toBe(true);
      expect(
        low <= (value ?? 0) && (value ?? 0) <= high,
        `${name} lies outside its interval: ${JSON.stringify(row)}`,
      ).toBe(true);
      expect(isEstimate, `${name} in ${JSON.stringify(row)}`).toBe(value !== null && (group?.isEstimated[i] ?? false));
    });
  }
  const first = names[0] ?? '';
  const sorted =
    plan.bucket === undefined ? rows.map((row) => measured(row[first]).value ?? Number.NEGATIVE_INFINITY) : [];
  expect(sorted).toEqual([...sorted].sort((a, b) => b - a));
}

describe('a plan in the store', () => {
  it('answers as the naive evaluation in JavaScript does', async () => {
    let nonEmpty = 0;
    await fc.assert(
      fc.asyncProperty(generatedPlan, async (input) => {
        const plan = planSchema.parse(input);
        const answer = await store.query(plan);
        nonEmpty += answer.rows.length > 0 ? 1 : 0;
        if (plan.aggregates.length + plan.groupBy.length > 0 || plan.bucket !== undefined) {
          checkGroups(plan, answer.rows);
          expect(answer.meta.limited).toBe(naiveGroups(plan, events, NOW).length > plan.limit);
          return;
        }
        const all = naiveEvents(plan, events, NOW).sort(newestFirst);
        expect(answer.rows).toEqual(all.slice(0, plan.limit));
        expect(answer.meta.limited).toBe(all.length > plan.limit);
      }),
      { numRuns: RUNS },
    );
    expect(nonEmpty).toBeGreaterThan(RUNS / 2);
  }, 120_000);

  it('cuts a range into some sixty buckets', () => {
    for (const hours of [0.001, 0.25, 1, 6, 24, 24 * 7, 24 * 30, 24 * 365]) {
      const range = { fromMs: 0, toMs: hours * 3_600_000 };
      const buckets = range.toMs / resolveBucketMs('auto', range);
      expect(buckets).toBeLessThanOrEqual(100);
      expect(buckets).toBeGreaterThan(hours < 0.01 ? 3 : 35);
    }
  });
});

function newestFirst(a: Event, b: Event): number {
  const [left, right] = [a, b].map((event) => `${event.timestamp} ${event.event_id}`);
  return (left ?? '') < (right ?? '') ? 1 : -1;
}
