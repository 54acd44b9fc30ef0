import { expect, test } from 'vitest';
import { mergeEvents } from './merge-events.ts';

const event = (id: number, second: number) => ({ event_id: `p-${id}`, timestamp: `2026-11-21T09:00:0${second}.000Z` });

test('an event that is both live and stored is shown once, newest first', () => {
  const merged = mergeEvents([event(4, 4), event(3, 2)], [event(3, 2), event(2, 3), event(1, 1)]);
  expect(merged.map(({ event_id }) => event_id)).toEqual(['p-4', 'p-2', 'p-3', 'p-1']);
});

test('without live events the stored ones stay the same list', () => {
  const stored = [event(2, 2), event(1, 1)];
  expect(mergeEvents([], stored)).toBe(stored);
});
