/** The contract's events are partly sampled, so that its plans take the weighted way; here nothing is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store } from '../store.ts';
import { type Event, mixedEvents, NOW } from '../testing/generated.ts';
import { checkPlans } from '../testing/plan-agreement.ts';
import { openDuckDbStore } from './duckdb-store.ts';

let directory: string;
let store: Store;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-exact-'));
  store = await openDuckDbStore({ directory, clock: () => NOW });
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function fill(events: readonly Event[]): Promise<void> {
  const lines = events.map((event) => ({
    line: JSON.stringify(event),
    timestampMs: Date.parse(String(event.timestamp)),
  }));
  const half = lines.length / 2;
  await store.insert(lines.slice(0, half));
  await store.commit({ position: 'half', ledger: null });
  await store.insert(lines.slice(half));
}

it('plans over events of which none is sampled answer as the naive evaluation does', async () => {
  const events = mixedEvents(600).map((event) => ({ ...event, 'sampling.rate': 1 }));
  await fill(events);
  await checkPlans(store, events, 200);
}, 120_000);

it('a percentile is the value of the event at that rank, where the rank is whole too', async () => {
  const events = Array.from({ length: 100 }, (_, n) => ({
    schema: 'tailrace/event/v1',
    event_id: `0mb1x9k3fqz7a-${n + 1}`,
    timestamp: new Date(NOW - 1000).toISOString(),
    service: 'payments',
    duration_ms: n + 1,
    'sampling.rate': 1,
  }));
  await fill(events);
  const shares = [0.1, 7, 14, 28, 29, 55, 56, 57, 58, 99, 99.9];
  const aggregates = shares.map((p, i) => ({ fn: 'percentile' as const, field: 'duration_ms', p, as: `p${i}` }));
  const { rows } = await store.query(planSchema.parse({ aggregates }));
  expect(Object.values(rows[0] ?? {})).toEqual([1, 7, 14, 28, 29, 55, 56, 57, 58, 99, 100]);
});
