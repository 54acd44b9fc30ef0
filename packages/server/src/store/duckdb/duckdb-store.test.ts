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
  it('finds an event as soon as insert has returned, with all that it held', async () => {
    const full = event(1, {
      message: '카드 결제 실패',
      status: 402,
      duration_ms: 12.5,
      'error.code': 'CARD_EXPIRED',
      steps: [{ name: 'gateway', duration_ms: 3, outcome: 'error' }],
      'payment.amount': 129_000,
      nested: { deep: [1, null, 'x'] },
      nothing: null,
    });
    await store.insert([line(full)]);
    const answer = await query({ where: 'error.code:CARD_* 카드' });
    expect(answer.rows).toEqual([full]);
    expect(answer.meta).toMatchObject({ accuracy: 'exact', limited: false, warnings: [] });
    expect(await store.event('0mb1x9k3fqz7a-1')).toEqual(full);
    expect(await store.event('0mb1x9k3fqz7a-2')).toBeUndefined();
  });

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

  it('weights sampled events and says how sure it is', async () => {
    await store.insert(
      [1, 2, 3, 4].map((n) =>
        line(event(n, { 'sampling.rate': n === 4 ? 1 : 0.01, duration_ms: n, trace_id: `t${n}` })),
      ),
    );
    const answer = await query({
      aggregates: [
        { fn: 'count' },
        { fn: 'percentile', field: 'duration_ms', p: 50 },
        { fn: 'max', field: 'duration_ms' },
      ],
    });
    expect(answer.meta.accuracy).toBe('estimated');
    const [row] = answer.rows;
    expect(row?.count).toMatchObject({ value: 301 });
    expect(row?.p50_duration_ms).toMatchObject({ value: 2 });
    expect(row?.max_duration_ms).toMatchObject({ value: 4, bound: 'lower' });
  });

  it('goes on after an event, and says when the limit cut the answer', async () => {
    await store.insert([1, 2, 3, 4, 5].map((n) => line(event(n, { timestamp: new Date(NOW - 1_000).toISOString() }))));
    await store.commit(checkpoint('a'));
    const first = await query({ limit: 2 });
    expect(first.meta.limited).toBe(true);
    const last = first.rows.at(-1);
    const after = { timestamp: String(last?.timestamp), eventId: String(last?.event_id) };
    const rest = await store.query(planSchema.parse({ limit: 10 }), undefined, { after });
    expect(rest.rows.map((row) => row.event_id)).toEqual([3, 2, 1].map((n) => `0mb1x9k3fqz7a-${n}`));
    expect(rest.meta.limited).toBe(false);
  });

  it('answers an unknown field with nothing and the names that are near', async () => {
    await store.insert([line(event(1, { 'payment.method': 'card' }))]);
    const answer = await query({ where: 'payment.metod:card' });
    expect(answer.rows).toEqual([]);
    expect(answer.meta.warnings).toEqual(['No event has the field "payment.metod". Did you mean payment.method?']);
    const fields = await store.fields();
    expect(fields.find(({ name }) => name === 'payment.method')).toEqual({
      name: 'payment.method',
      type: 'string',
      presence: 1,
    });
  });

  it('says where a group shows only what is always kept, and its normal traffic may be out of sight', async () => {
    await store.insert([
      line(event(1, { route: '/pay', 'sampling.rate': 0.1 })),
      line(event(2, { route: '/pay', level: 'error', 'sampling.rule': 'HAS_ERROR' })),
      line(event(3, { route: '/refund', level: 'error', 'sampling.rule': 'HAS_ERROR' })),
    ]);
    const byRoute = await query({ groupBy: ['route'], aggregates: [{ fn: 'error_rate' }] });
    expect(byRoute.meta.warnings).toEqual([
      expect.stringMatching(/^1 of 2 groups show only events that are always kept/),
    ]);
    // All errors are kept: their own group is complete.
    expect((await query({ groupBy: ['level'] })).meta.warnings).toEqual([]);
    expect((await query({ groupBy: ['route'], where: 'level:error' })).meta.warnings).toEqual([]);
  });

  it('gives time buckets in order', async () => {
    const at = (ms: number) => ({ timestamp: new Date(NOW - ms).toISOString() });
    await store.insert([line(event(1, at(125_000))), line(event(2, at(61_000))), line(event(3, at(60_500)))]);
    const answer = await query({ bucket: '1m', aggregates: [{ fn: 'count' }] });
    expect(answer.rows).toEqual([
      { bucket: '2026-11-21T09:29:00.000Z', count: 1 },
      { bucket: '2026-11-21T09:30:00.000Z', count: 2 },
    ]);
    expect(answer.meta.bucketMs).toBe(60_000);
  });
});
