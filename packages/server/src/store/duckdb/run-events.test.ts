import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store } from '../store.ts';
import { type Event, mixedEvents, NOW } from '../testing/generated.ts';
import { openDuckDbStore } from './duckdb-store.ts';

let directory: string;
let store: Store;
let events: readonly Event[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-events-'));
  store = await openDuckDbStore({ directory, clock: () => NOW });
  events = mixedEvents(300);
  const lines = events.map((event) => ({
    line: JSON.stringify(event),
    timestampMs: Date.parse(String(event.timestamp)),
  }));
  await store.insert(lines.slice(0, 200));
  await store.commit({ position: 'most', ledger: null });
  await store.insert(lines.slice(200));
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

function compare(a: unknown, b: unknown): number {
  return Number(a) - Number(b);
}

/** In the order that was asked for, what has no value last, and then newest first. */
function inOrder(column: string, direction: 'asc' | 'desc'): Event[] {
  return [...events].sort((a, b) => {
    const [x, y] = [a[column], b[column]];
    if (x === undefined || y === undefined) {
      if (x !== undefined || y !== undefined) return x === undefined ? 1 : -1;
    } else if (x !== y) return direction === 'asc' ? compare(x, y) : compare(y, x);
    const [left, right] = [a, b].map((event) => `${event.timestamp} ${event.event_id}`);
    return (left ?? '') < (right ?? '') ? 1 : -1;
  });
}

it('events come in the order of a number, however few of them are wanted, and what has none comes last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('duration_ms', 'status'),
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 1, max: 320 }),
      async (column, direction, limit) => {
        const plan = planSchema.parse({ from: '-1d', orderBy: [{ column, direction }], limit });
        const { rows, meta } = await store.query(plan);
        expect(rows).toEqual(inOrder(column, direction).slice(0, limit));
        expect(meta.limited).toBe(limit < events.length);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
