import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PlanInput, planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
let directory: string;
let store: Store;

const open = (): Promise<Store> => openDuckDbStore({ directory, threads: 1, memoryLimit: '256MB', clock: () => NOW });
const query = (plan: PlanInput) => store.query(planSchema.parse({ from: '-1h', ...plan }));

function event(sequence: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: 'tailrace/event/v1',
    event_id: `0mb1x9k3fqz7a-${sequence}`,
    timestamp: new Date(NOW - 60_000 + sequence).toISOString(),
    level: 'info',
    service: 'payments',
    'sampling.rule': 'SAMPLED_NORMAL',
    'sampling.rate': 1,
    ...more,
  };
}

function line(value: Record<string, unknown>): StoredLine {
  return { line: JSON.stringify(value), timestampMs: Date.parse(String(value.timestamp)) };
}

const checkpoint = (position: string) => ({ position, ledger: { p: position } });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-store-'));
  store = await open();
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

describe('the embedded store', () => {
  it('keeps what was committed, with its checkpoint, and forgets what was not', async () => {
    await store.insert([1, 2, 3].map((n) => line(event(n))));
    await store.commit(checkpoint('after three'));
    await store.insert([line(event(4))]);
    expect((await query({})).rows).toHaveLength(4);
    await store.close();
    store = await open();
    expect(store.checkpoint).toEqual(checkpoint('after three'));
    expect((await query({})).rows.map((row) => row.event_id)).toEqual([3, 2, 1].map((n) => `0mb1x9k3fqz7a-${n}`));
  });

  it('counts and groups over hot and committed events alike', async () => {
    await store.insert(
      [1, 2, 3].map((n) => line(event(n, { service: n === 1 ? 'gateway' : 'payments', duration_ms: n }))),
    );
    await store.commit(checkpoint('a'));
    await store.insert([line(event(4, { duration_ms: 40, level: 'error' }))]);
    const answer = await query({
      groupBy: ['service'],
      aggregates: [
        { fn: 'count' },
        { fn: 'sum', field: 'duration_ms' },
        { fn: 'avg', field: 'duration_ms' },
        { fn: 'min', field: 'duration_ms' },
        { fn: 'max', field: 'duration_ms' },
        { fn: 'percentile', field: 'duration_ms', p: 50 },
        { fn: 'distinct', field: 'event_id' },
        { fn: 'error_rate' },
      ],
    });
    expect(answer.rows).toEqual([
      {
        service: 'payments',
        count: 3,
        sum_duration_ms: 45,
        avg_duration_ms: 15,
        min_duration_ms: 2,
        max_duration_ms: 40,
        p50_duration_ms: 3,
        distinct_event_id: 3,
        error_rate: 1 / 3,
      },
      {
        service: 'gateway',
        count: 1,
        sum_duration_ms: 1,
        avg_duration_ms: 1,
        min_duration_ms: 1,
        max_duration_ms: 1,
        p50_duration_ms: 1,
        distinct_event_id: 1,
        error_rate: 0,
      },
    ]);
    expect(answer.meta.scanned).toEqual({ segments: 1, hotEvents: 1 });
  });
});
