import { expect, it } from 'vitest';
import { type PlanInput, planSchema } from '../query/plan.ts';
import { laneOf, QueryLanes } from './query-lanes.ts';

const lane = (plan: PlanInput) => laneOf(planSchema.parse(plan));

it('a look at an event and a search wait behind no analysis, however many of these there are', async () => {
  const lanes = new QueryLanes(2);
  const ends: (() => void)[] = [];
  const analysis = () => new Promise<void>((resolve) => ends.push(resolve));
  const analyses = Array.from({ length: 20 }, () => lanes.run('analysis', analysis, undefined));
  expect(await lanes.run('event', () => Promise.resolve('event'), undefined)).toBe('event');
  expect(await lanes.run('search', () => Promise.resolve('search'), undefined)).toBe('search');
  expect(ends).toHaveLength(2);
  // Each that ends lets the next one in, in the order in which they came.
  for (let n = 0; n < 20; n += 1) {
    ends[n]?.();
    await analyses[n];
    await expect.poll(() => ends.length).toBe(Math.min(20, n + 3));
  }
});

it('the latest events that match are a search; all else that is asked of many events is an analysis', () => {
  expect(lane({})).toBe('search');
  expect(lane({ where: 'service:payments level:error', limit: 1000 })).toBe('search');
  expect(lane({ limit: 10_000 })).toBe('analysis');
  expect(lane({ orderBy: [{ column: 'duration_ms' }] })).toBe('analysis');
  expect(lane({ aggregates: [{ fn: 'count' }] })).toBe('analysis');
  expect(lane({ groupBy: ['service'] })).toBe('analysis');
});
