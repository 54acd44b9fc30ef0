import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';
import type { Segment } from './manifest.ts';
import { chooseRetirement, type RetentionLimits } from './retention.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let directory: string;
let store: Store;

async function open(retention: Partial<RetentionLimits>): Promise<void> {
  store = await openDuckDbStore({ directory, threads: 1, clock: () => NOW, retention });
}

/** Every tenth event is an error; the others are a tenth of what went by. */
function traffic(from: number, count: number, timestampMs: number): StoredLine[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const kept =
      n % 10 === 0
        ? { level: 'error', rule: 'HAS_ERROR', rate: 1 }
        : { level: 'info', rule: 'SAMPLED_NORMAL', rate: 0.1 };
    const event = {
      event_id: `0mb1x9k3fqz7a-${n}`,
      timestamp: new Date(timestampMs).toISOString(),
      level: kept.level,
      service: 's',
      'sampling.rule': kept.rule,
      'sampling.rate': kept.rate,
      // Doesn't compress, so that bytes follow rows.
      noise: Array.from({ length: 20 }, (_, k) => Math.imul(n + 1, 0x9e3779b1 ^ (k * 0x85ebca6b)) >>> 0).join(''),
    };
    return { line: JSON.stringify(event), timestampMs };
  });
}

async function write(from: number, count: number, timestampMs: number): Promise<void> {
  await store.insert(traffic(from, count, timestampMs));
  await store.commit({ position: String(from + count - 1), ledger: { stored: from + count - 1 } });
}

async function byLevel(from = '-90d'): Promise<{ rows: unknown; warnings: readonly string[] }> {
  const plan = planSchema.parse({
    from,
    groupBy: ['level'],
    aggregates: [{ fn: 'distinct', field: 'event_id', as: 'n' }],
  });
  const { rows, meta } = await store.query(plan);
  const value = (n: unknown): unknown => (typeof n === 'object' && n !== null && 'value' in n ? n.value : n);
  return { rows: Object.fromEntries(rows.map(({ level, n }) => [level, value(n)])), warnings: meta.warnings };
}

async function files(): Promise<number> {
  const names = await readdir(join(directory, 'segments'), { recursive: true });
  return names.filter((name) => name.endsWith('.parquet')).length;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-retention-'));
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

describe('an event that is too old', () => {
  it('leaves with its segment, and answers that reach back so far say so', async () => {
    await open({});
    await write(1, 300, NOW - 31 * DAY_MS);
    await write(301, 300, NOW - 2 * DAY_MS);
    await store.close();
    await open({ maxAgeMs: 30 * DAY_MS });
    await expect.poll(() => store.stats().events).toBe(300);
    expect(await byLevel()).toEqual({
      rows: { info: 270, error: 30 },
      warnings: ['Events up to 2026-10-21T09:32:00.000Z were retired: the answer has only what is left of them.'],
    });
    expect((await byLevel('-20d')).warnings).toEqual([]);
    expect(store.stats().retired.events).toBe(300);
    await expect.poll(files).toBe(1);
    // What was stored was stored: the ledger stays as it is.
    expect(store.checkpoint).toEqual({ position: '600', ledger: { stored: 600 } });
  });

  it('is as old as its time in the store where its clock ran ahead', async () => {
    await open({});
    await write(1, 300, NOW + 3_000 * DAY_MS);
    await store.close();
    store = await openDuckDbStore({
      directory,
      threads: 1,
      clock: () => NOW + 31 * DAY_MS,
      retention: { maxAgeMs: 30 * DAY_MS },
    });
    await expect.poll(() => store.stats().events).toBe(0);
  });
});

describe('a store above its size', () => {
  it('gives up normal events first, the oldest of them first', async () => {
    await open({});
    for (let day = 5; day > 0; day -= 1) await write((5 - day) * 1_000 + 1, 1_000, NOW - day * DAY_MS - HOUR_MS);
    const { bytes } = store.stats();
    await store.close();
    await open({ maxBytes: bytes * 0.55 });
    await expect.poll(() => store.stats().bytes).toBeLessThanOrEqual(bytes * 0.55);
    const { rows, warnings } = await byLevel();
    expect(rows).toEqual({ info: 1_800, error: 500 });
    expect(warnings).toEqual([expect.stringMatching(/^Normal events up to 2026-11-18T08:32:00.000Z were retired/)]);
    expect((await byLevel('-60h')).warnings).toEqual([]);
    expect(store.stats()).toMatchObject({ events: 2_300, retired: { events: 2_700 } });
    await store.close();
    await open({ maxBytes: bytes * 0.55 });
    expect(await byLevel()).toEqual({ rows, warnings });
    expect(store.stats().retired.events).toBe(2_700);
  });

  it('keeps the last day whole while there is anything older', () => {
    const limits = { maxAgeMs: 30 * DAY_MS, maxBytes: 100 };
    let segments = [
      segment('old errors', { hoursAgo: 60, normal: 0 }),
      segment('old', { hoursAgo: 50, normal: 90 }),
      segment('older', { hoursAgo: 70, normal: 100 }),
      segment('today', { hoursAgo: 3, normal: 80 }),
      segment('errors of today', { hoursAgo: 4, normal: 1 }),
    ];
    const order: string[] = [];
    for (;;) {
      const next = chooseRetirement(segments, NOW, limits);
      if (next === undefined) break;
      order.push(`${next.kind} ${next.segment.path}`);
      segments = segments.flatMap((each) => {
        if (each !== next.segment) return [each];
        return next.kind === 'drop' ? [] : [{ ...each, path: `rest of ${each.path}`, normal: 0, rows: 10, bytes: 60 }];
      });
    }
    expect(order).toEqual([
      'drop older',
      'thin old',
      'drop old errors',
      'drop rest of old',
      'thin today',
      'drop errors of today',
    ]);
  });
});

function segment(path: string, { hoursAgo, normal }: { hoursAgo: number; normal: number }): Segment {
  const maxMs = NOW - hoursAgo * HOUR_MS;
  return { path, rows: 100, bytes: 100, minMs: maxMs, maxMs, sampled: normal, normal, writtenMs: NOW };
}
