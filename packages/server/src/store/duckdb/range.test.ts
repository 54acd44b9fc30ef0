import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const MINUTE_MS = 60_000;
const FIRST = NOW - 200 * MINUTE_MS;
let directory: string;
let store: Store;

/** One event a minute over several hours, so that a range holds some segments whole and cuts others. */
const times = Array.from({ length: 190 }, (_, i) => FIRST + i * MINUTE_MS);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-range-'));
  store = await openDuckDbStore({ directory, threads: 1, memoryLimit: '256MB', clock: () => NOW });
  const lines = times.map((timestampMs, i): StoredLine => {
    const timestamp = new Date(timestampMs).toISOString();
    return { line: JSON.stringify({ event_id: `0mb1x9k3fqz7a-${i + 1}`, timestamp, duration_ms: i }), timestampMs };
  });
  await store.insert(lines);
  await store.commit({ position: 'a', ledger: null });
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

it('a range takes its events, whether it holds segments whole or cuts them', async () => {
  expect(store.stats().segments).toBeGreaterThan(2);
  const edge = fc.integer({ min: FIRST - MINUTE_MS, max: NOW }).map((ms) => ms - (ms % (MINUTE_MS / 2)));
  await fc.assert(
    fc.asyncProperty(edge, edge, async (a, b) => {
      const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b) + 1];
      const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      const wanted = times.filter((ms) => ms >= fromMs && ms < toMs);
      const counted = await store.query(planSchema.parse({ ...range, aggregates: [{ fn: 'count', as: 'n' }] }));
      expect(counted.rows[0]?.n ?? 0).toBe(wanted.length);
      const orderBy = [{ column: 'duration_ms', direction: 'desc' }];
      const slowest = await store.query(planSchema.parse({ ...range, orderBy, limit: 500 }));
      expect(slowest.rows.map((row) => Date.parse(String(row.timestamp)))).toEqual([...wanted].reverse());
    }),
    { numRuns: 40 },
  );
});
