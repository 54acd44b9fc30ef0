import { afterEach, expect, it, vi } from 'vitest';
import { collectEvents } from './index.ts';

afterEach(() => vi.useRealTimers());

it('collects every event of a test that takes long', async () => {
  vi.useFakeTimers();
  const { tailrace, events } = collectEvents();
  await vi.advanceTimersByTimeAsync(60_000);
  for (let i = 0; i < 200; i += 1) tailrace.run({ route: '/' }, () => {});
  expect(events).toHaveLength(200);
  expect(events.every((event) => event['sampling.rate'] === 1)).toBe(true);
});
