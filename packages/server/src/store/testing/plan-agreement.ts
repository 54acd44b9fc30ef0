/** Plans over a filled store answer as the naive evaluation in JavaScript does: values, order, limits and intervals. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Plan, planSchema } from '../../query/plan.ts';
import type { Store } from '../store.ts';
import { type Event, NOW } from './generated.ts';
import { generatedPlan } from './generated-plan.ts';
import { type NaiveGroup, naiveEvents, naiveGroups } from './naive-answer.ts';
import { naiveMeasure, termsOf } from './naive-measures.ts';

export async function checkPlans(store: Store, events: readonly Event[], runs: number): Promise<void> {
  let nonEmpty = 0;
  await fc.assert(
    fc.asyncProperty(generatedPlan, async (input) => {
      const plan = planSchema.parse(input);
      const answer = await store.query(plan);
      nonEmpty += answer.rows.length > 0 ? 1 : 0;
      if (plan.aggregates.length + plan.groupBy.length > 0 || plan.bucket !== undefined) {
        const expected = naiveGroups(plan, events, NOW);
        checkGroups(plan, answer.rows, expected);
        expect(answer.meta.limited).toBe(expected.length > plan.limit);
        return;
      }
      const all = naiveEvents(plan, events, NOW).sort(newestFirst);
      expect(answer.rows).toEqual(all.slice(0, plan.limit));
      expect(answer.meta.limited).toBe(all.length > plan.limit);
    }),
    { numRuns: runs },
  );
  expect(nonEmpty).toBeGreaterThan(runs / 2);
}

function checkGroups(plan: Plan, rows: readonly Event[], expected: readonly NaiveGroup[]): void {
  expect(rows).toHaveLength(Math.min(expected.length, plan.limit));
  const byKey = new Map(expected.map((group) => [JSON.stringify(group.keys), group]));
  const aggregates = plan.aggregates.length === 0 ? [{ fn: 'count' as const, as: 'count' }] : plan.aggregates;
  const keyNames = [...(plan.bucket === undefined ? [] : ['bucket']), ...plan.groupBy];
  const seen = new Set<string>();
  for (const row of rows) {
    const key = JSON.stringify(keyNames.map((name) => row[name]));
    const group = byKey.get(key);
    expect(group, `a group that should not be there: ${JSON.stringify(row)}`).toBeDefined();
    expect(seen.has(key), `a group that is there twice: ${JSON.stringify(row)}`).toBe(false);
    seen.add(key);
    if (group === undefined) continue;
    aggregates.forEach((aggregate, i) => {
      const name = aggregate.as ?? '';
      const { value, low, high, isEstimate } = measured(row[name]);
      const naive = group.values[i] ?? null;
      const terms = termsOf(aggregate, group.members);
      const told = `${name} in ${JSON.stringify(row)} of ${JSON.stringify(plan)}`;
      expect(isClose(value, naive, terms), `${told}: ${value} instead of ${naive}`).toBe(true);
      expect(isEstimate, told).toBe(value !== null && (group.isEstimated[i] ?? false));
      const whole = measured(naiveMeasure(aggregate, group.members));
      const isSame = isClose(low, whole.low, terms, 1e-6) && isClose(high, whole.high, terms, 1e-6);
      expect(isSame, `${told}: [${low}, ${high}] instead of [${whole.low}, ${whole.high}]`).toBe(true);
    });
  }
  checkOrder(plan, rows, aggregates[0]?.as ?? '');
}

/** Buckets oldest first, else by the first aggregate, largest first, and groups without a value last. */
function checkOrder(plan: Plan, rows: readonly Event[], first: string): void {
  const sorted = rows.map((row) =>
    plan.bucket === undefined
      ? (measured(row[first]).value ?? Number.NEGATIVE_INFINITY)
      : -Date.parse(String(row.bucket)),
  );
  expect(sorted).toEqual([...sorted].sort((a, b) => b - a));
}

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

/** Sums of doubles depend on their order, above all where large terms cancel. */
function isClose(a: number | null, b: number | null, terms: number, tolerance = 1e-9): boolean {
  if (a === null || b === null) return a === b;
  return a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), terms);
}

function newestFirst(a: Event, b: Event): number {
  const [left, right] = [a, b].map((event) => `${event.timestamp} ${event.event_id}`);
  return (left ?? '') < (right ?? '') ? 1 : -1;
}
