/**
 * The same traffic, sampled a thousand times over: do the 95 % intervals hold the truth as often as they say?
 *
 * Each sampling is a service of its own, so that one plan grouped by service answers for all, through the store's SQL.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const SAMPLINGS = 1_000;
const TRACES = 4_000;
const RATE = 0.01;

interface Truth {
  readonly trace: number;
  readonly durationMs: number;
  readonly failed: boolean;
  /** Failed and slow traces are kept whole. */
  readonly isAlwaysKept: boolean;
}

/** Mulberry32: the same numbers on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A third of the requests pass through three services; durations are skewed; 2 % fail and 3 % are slow. */
function makeTraffic(random: () => number): Truth[] {
  const traffic: Truth[] = [];
  for (let trace = 0; trace < TRACES; trace += 1) {
    const failed = random() < 0.02;
    const slow = random() < 0.03;
    const events = random() < 1 / 3 ? 3 : 1;
    for (let i = 0; i < events; i += 1) {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const durationMs = slow && i === 0 ? 2_000 + 50 * random() : 30 * Math.exp(0.8 * normal);
      traffic.push({ trace, durationMs, failed: failed && i === 0, isAlwaysKept: failed || slow });
    }
  }
  return traffic;
}

let directory: string;
let store: Store;
let traffic: readonly Truth[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-coverage-'));
  // One question for a thousand services: a busy machine may take its time.
  store = await openDuckDbStore({ directory, threads: 2, queryTimeoutMs: 90_000, clock: () => NOW });
  const random = seeded(7);
  traffic = makeTraffic(random);
  let sequence = 0;
  let lines: StoredLine[] = [];
  for (let sampling = 0; sampling < SAMPLINGS; sampling += 1) {
    const kept = Array.from({ length: TRACES }, () => random() < RATE);
    for (const { trace, durationMs, failed, isAlwaysKept } of traffic) {
      if (!isAlwaysKept && !kept[trace]) continue;
      sequence += 1;
      const event = {
        event_id: `0mb1x9k3fqz7a-${sequence}`,
        timestamp: new Date(NOW - 60_000).toISOString(),
        level: failed ? 'error' : 'info',
        service: `s${sampling}`,
        duration_ms: durationMs,
        trace_id: `${sampling}-${trace}`,
        'sampling.rate': isAlwaysKept ? 1 : RATE,
      };
      lines.push({ line: JSON.stringify(event), timestampMs: NOW - 60_000 });
    }
    if (lines.length > 20_000) {
      await store.insert(lines);
      lines = [];
    }
  }
  await store.insert(lines);
}, 120_000);

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

function percentile(p: number): number {
  const sorted = traffic.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  return sorted[Math.ceil((p / 100) * sorted.length) - 1] ?? 0;
}

describe('the 95 % intervals over a thousand samplings', () => {
  it('hold the truth at least 94 % of the time, and are not needlessly wide', async () => {
    const answer = await store.query(
      planSchema.parse({
        groupBy: ['service'],
        aggregates: [
          { fn: 'count' },
          { fn: 'sum', field: 'duration_ms' },
          { fn: 'avg', field: 'duration_ms' },
          { fn: 'error_rate' },
          ...[50, 90, 99].map((p) => ({ fn: 'percentile', field: 'duration_ms', p })),
        ],
        limit: 10_000,
      }),
    );
    const sum = traffic.reduce((total, { durationMs }) => total + durationMs, 0);
    const truth: Readonly<Record<string, number>> = {
      count: traffic.length,
      sum_duration_ms: sum,
      avg_duration_ms: sum / traffic.length,
      error_rate: traffic.filter(({ failed }) => failed).length / traffic.length,
      p50_duration_ms: percentile(50),
      p90_duration_ms: percentile(90),
      p99_duration_ms: percentile(99),
    };
    expect(answer.rows).toHaveLength(SAMPLINGS);
    const report: Record<string, { coverage: number; bias: number; width: number; share: number }> = {};
    for (const [name, value] of Object.entries(truth)) {
      const estimates = answer.rows.map((row) => row[name]).filter(isEstimate);
      expect(estimates).toHaveLength(SAMPLINGS);
      const mean = estimates.reduce((total, estimate) => total + estimate.value, 0) / SAMPLINGS;
      const deviation = Math.sqrt(
        estimates.reduce((total, estimate) => total + (estimate.value - mean) ** 2, 0) / SAMPLINGS,
      );
      const width = estimates.reduce((total, { low, high }) => total + high - low, 0) / SAMPLINGS;
      report[name] = {
        coverage: estimates.filter(({ low, high }) => low <= value && value <= high).length / SAMPLINGS,
        bias: (mean - value) / value,
        // Against the interval that one would give who knew the estimator's true spread.
        width: width / (2 * 1.96 * deviation),
        share: width / value,
      };
    }
    for (const [name, { coverage, width, share }] of Object.entries(report)) {
      expect(coverage, name).toBeGreaterThanOrEqual(0.94);
      // Where no sampled event lies above a percentile, those that may have been missed still widen its interval; the kept
      // slow events bound it closely all the same.
      expect(width < 1.3 || share < 0.05, `${name} is ${width} times as wide as need be`).toBe(true);
    }
    for (const name of ['count', 'sum_duration_ms']) expect(Math.abs(report[name]?.bias ?? 1)).toBeLessThan(0.02);
  }, 120_000);
});

function isEstimate(value: unknown): value is { readonly value: number; readonly low: number; readonly high: number } {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value && 'value' in value;
}
