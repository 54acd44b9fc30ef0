import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import { QueryGate } from '../query-gate.ts';
import type { Store } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
let directory: string;
let store: Store;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-limits-'));
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function filled(options: { queryTimeoutMs?: number }): Promise<Store> {
  store = await openDuckDbStore({ directory, threads: 1, clock: () => NOW, ...options });
  const timestamp = new Date(NOW - 1_000).toISOString();
  const lines = Array.from({ length: 30_000 }, (_, n) => {
    const event = { event_id: `0mb1x9k3fqz7a-${n + 1}`, timestamp, service: 's', message: 'x'.repeat(200), n };
    return { line: JSON.stringify(event), timestampMs: NOW - 1_000, event };
  });
  await store.insert(lines);
  return store;
}

const heavy = planSchema.parse({
  where: Array.from({ length: 100 }, (_, i) => `"never${i}"`).join(' OR '),
  aggregates: [{ fn: 'count' }],
});

describe('a query', () => {
  it('that takes too long is stopped, and the store goes on', async () => {
    await filled({ queryTimeoutMs: 20 });
    await expect(store.query(heavy)).rejects.toMatchObject({ name: 'QueryError', code: 'QUERY_TIMEOUT' });
    // On a busy machine even this one may take too long at first.
    const easy = planSchema.parse({ limit: 1, where: 'service:none' });
    await expect.poll(async () => (await store.query(easy)).rows, { timeout: 10_000 }).toEqual([]);
  });

  it('whose client goes away is stopped', async () => {
    await filled({});
    const client = new AbortController();
    const running = store.query(heavy, client.signal);
    setImmediate(() => client.abort());
    await expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    await expect(store.query(heavy, AbortSignal.abort())).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
  });
});

describe('queries at the same time', () => {
  it('run a few at once, wait in turn, and are refused beyond that', async () => {
    store = await openDuckDbStore({ directory, threads: 1 });
    const gate = new QueryGate({ maxRunning: 2, maxWaiting: 2 });
    const finish: (() => void)[] = [];
    const started: number[] = [];
    const run = (n: number, signal?: AbortSignal) =>
      gate.run(() => {
        started.push(n);
        return new Promise<void>((resolve) => finish.push(resolve));
      }, signal);
    const client = new AbortController();
    const runs = [run(1), run(2), run(3, client.signal), run(4)];
    await expect(run(5)).rejects.toMatchObject({ code: 'TOO_MANY_QUERIES' });
    expect(started).toEqual([1, 2]);
    client.abort();
    await expect(runs[2]).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    finish[0]?.();
    await runs[0];
    await expect.poll(() => started).toEqual([1, 2, 4]);
    for (const end of finish) end();
    await Promise.all([runs[1], runs[3]]);
  });
});
