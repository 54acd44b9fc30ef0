import { expect, test } from 'vitest';
import { createLiveTail } from './live-tail.ts';

test('a slow client loses events and is told how many; a fast one loses none', () => {
  const live = createLiveTail({ maxClients: 2, backlogLines: 3 });
  const fast: string[] = [];
  const slow: string[] = [];
  let dropped = 0;
  let isSlow = true;
  live.subscribe(() => true, {
    event: (line) => fast.push(line) > 0,
    dropped: () => true,
  });
  const subscription = live.subscribe(() => true, {
    event: (line) => {
      slow.push(line);
      return !isSlow;
    },
    dropped: (count) => {
      dropped += count;
      return true;
    },
  });
  expect(live.subscribe(() => true, { event: () => true, dropped: () => true })).toBeUndefined();

  for (let n = 1; n <= 10; n += 1) live.offer({ n }, String(n));
  expect(slow).toEqual(['1']);
  isSlow = false;
  subscription?.resume();
  expect(slow).toEqual(['1', '2', '3', '4']);
  expect(dropped).toBe(6);
  expect(live.stats()).toEqual({ clients: 2, dropped: 6 });

  live.offer({ n: 11 }, '11');
  expect(slow.at(-1)).toBe('11');
  expect(fast).toHaveLength(11);
});
