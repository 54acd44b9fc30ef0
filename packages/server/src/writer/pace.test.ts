import { expect, test, vi } from 'vitest';
import { Pace } from './pace.ts';

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('whoever runs ahead of the writer waits, and goes on in the order of coming', async () => {
  const pace = new Pace({ maxBytes: 100, stallMs: 60_000 });
  const gone: number[] = [];
  await pace.ready();
  pace.notePublished(250);
  const both = [1, 2].map((n) => pace.ready().then(() => gone.push(n)));
  await tick();
  expect(gone).toEqual([]);
  pace.noteInserted(100);
  await tick();
  expect(gone).toEqual([]);
  pace.noteInserted(100);
  await Promise.all(both);
  expect(gone).toEqual([1, 2]);
});

test('a writer that gets nowhere holds nobody up, until it works again', async () => {
  vi.useFakeTimers();
  try {
    const pace = new Pace({ maxBytes: 100, stallMs: 1000 });
    pace.notePublished(500);
    const waiting = pace.ready();
    await vi.advanceTimersByTimeAsync(1000);
    await waiting;
    await pace.ready();
    pace.noteInserted(100);
    let isGone = false;
    const again = pace.ready().then(() => {
      isGone = true;
    });
    await vi.advanceTimersByTimeAsync(500);
    expect(isGone).toBe(false);
    pace.noteInserted(400);
    await again;
  } finally {
    vi.useRealTimers();
  }
});
