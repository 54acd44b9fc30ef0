/**
 * What a wide event costs the application's thread, next to Pino writing one line of the same data.
 *
 * Each round runs every contender once, in a process of its own and in a new order, so that what else the machine does
 * hits all alike. The cost of the work without any logging is subtracted. Ratios are medians over the rounds, with a 95 %
 * interval from 2,000 bootstrap samples.
 *
 *   npm run bench [-- ROUNDS REQUESTS]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Cost {
  readonly threadUs: number;
  readonly processUs: number;
}

const NAMES = ['nothing', 'pino sync', 'tailrace', 'tailrace without redaction'] as const;
const PEER = 'pino sync';
const rounds = Number(process.argv[2] ?? 9);
const requests = Number(process.argv[3] ?? 50_000);

function runOnce(name: string): Cost {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  try {
    const script = fileURLToPath(new URL('./contender.ts', import.meta.url));
    const output = execFileSync(process.execPath, ['--import', 'tsx', script, name, folder, String(requests)]);
    return JSON.parse(output.toString().trim().split('\n').at(-1) ?? '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A small generator with a fixed seed (mulberry32, by Tommy Ettinger, public domain), so that intervals repeat. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Median and 95 % interval of the median, by the percentile bootstrap. */
function spread(values: readonly number[]): { median: number; low: number; high: number } {
  const random = createRandom(1);
  const medians = Array.from({ length: 2_000 }, () =>
    quantile(
      values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN),
      0.5,
    ),
  );
  return { median: quantile(values, 0.5), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

const costs = new Map<string, Cost[]>(NAMES.map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (let i = 0; i < NAMES.length; i += 1) {
    const name = NAMES[(i + round) % NAMES.length] ?? PEER;
    costs.get(name)?.push(runOnce(name));
  }
}

const of = (name: string, kind: keyof Cost): number[] =>
  (costs.get(name) ?? []).map((cost, round) => cost[kind] - (costs.get('nothing')?.[round]?.[kind] ?? 0));
const show = ({ median, low, high }: ReturnType<typeof spread>): string =>
  `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;

console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; ${rounds} rounds of ${requests} requests`,
);
console.log('\n| | application thread, µs per request | against pino sync | whole process, µs | against pino sync |');
console.log('| --- | --- | --- | --- | --- |');
for (const name of NAMES.slice(1)) {
  const cells = (['threadUs', 'processUs'] as const).flatMap((kind) => {
    const own = of(name, kind);
    const peer = of(PEER, kind);
    return [show(spread(own)), show(spread(own.map((value, i) => value / (peer[i] ?? Number.NaN))))];
  });
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
