/**
 * P9: what the store needs with the library's default sampling, next to the same traffic all kept; and whether everything
 * of value is there all the same.
 *
 * The demo's customers pay in a shop of its own, twice with the same seed: so both runs are asked the same requests. Bytes
 * are those of the store's segments after it has merged them, as it does by itself when their hour is past. What must be
 * there is known beforehand: each payment that was planned to fail or to take long. The shop names no critical route.
 */
import { join } from 'node:path';
import type { RequestRecord } from '../../examples/payments/src/traffic.ts';
import { openDuckDbStore } from '../../packages/server/src/store/duckdb/duckdb-store.ts';
import { Pipeline } from '../../tests/pipeline.ts';
import { waitFor } from '../../tests/processes.ts';
import type { CaseResult } from '../result.ts';
import { ratios, spreadOf } from '../statistics.ts';

export interface SampledBytesOptions {
  readonly rounds: number;
  readonly payments: number;
  readonly onProgress: (text: string) => void;
}

/** The library's own default; the demo's shop has another, so that a minute of it shows something. */
const DEFAULT_RATE = 0.01;
const AIM = 0.15;
/** Nothing is slow but what is meant to be, also on a busy machine. */
const TIME_FACTOR = 1;
const CONCURRENCY = 100;
/** By then every hour of the run is past, and quiet. */
const LATER_MS = 3 * 3_600_000;

interface Kept {
  readonly bytes: number;
  readonly events: number;
  readonly ofValue: number;
  /** Requests of value that the store doesn't have. */
  readonly absent: readonly string[];
}

export async function measureSampledBytes(options: SampledBytesOptions): Promise<CaseResult[]> {
  const { rounds, payments, onProgress } = options;
  const sampled: Kept[] = [];
  const all: Kept[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // The one that comes first isn't always the same.
    const order = round % 2 === 1 ? [sampled, all] : [all, sampled];
    for (const runs of order) runs.push(await keepTraffic(round, payments, runs === sampled ? DEFAULT_RATE : 1));
    const [ours, theirs] = [sampled.at(-1), all.at(-1)];
    onProgress(`round ${round}: ${ours?.bytes} bytes of ${ours?.events} events, ${theirs?.bytes} of ${theirs?.events}`);
  }
  const absent = [...sampled, ...all].flatMap((kept) => kept.absent);
  const ofValue = sampled.reduce((sum, kept) => sum + kept.ofValue, 0);
  const bytesOf = (runs: readonly Kept[]): number[] => runs.map(({ bytes }) => bytes);
  return [
    {
      id: 'P9',
      title: 'bytes of the demo’s traffic with default sampling',
      unit: 'bytes',
      name: 'Tailrace, 1 % of the normal events',
      ours: spreadOf(bytesOf(sampled)),
      comparisons: [
        {
          peer: 'all kept',
          theirs: spreadOf(bytesOf(all)),
          ratio: spreadOf(ratios(bytesOf(sampled), bytesOf(all))),
          aim: AIM,
        },
      ],
      notes: [
        `P9: of ${ofValue} errors and slow requests ${ofValue - absent.length} are in the store${
          absent.length === 0 ? '' : `; absent: ${absent.slice(0, 5).join(', ')}`
        }.`,
      ],
    },
  ];
}

async function keepTraffic(seed: number, payments: number, normalRate: number): Promise<Kept> {
  const fromMs = Date.now();
  const from = new Date(fromMs).toISOString();
  const pipeline = await Pipeline.start({
    seed,
    timeFactor: TIME_FACTOR,
    normalRate,
  });
  try {
    const records = await pipeline.traffic({ payments, concurrency: CONCURRENCY });
    await pipeline.ledger(
      'all events',
      ({ totals }) => totals.emitted >= records.length && totals.stored === totals.kept && totals.inFlight === 0,
      60_000,
    );
    const stored = new Set((await pipeline.client.search('', from, 'now')).map((event) => event.request_id));
    await pipeline.endShop('SIGTERM');
    await pipeline.endServer('SIGTERM');
    const ofValue = records.filter(isOfValue).map(({ request }) => request.requestId);
    return {
      ...(await mergedSize(join(pipeline.serverDataDir, 'store'), hourOf(Date.now()) - hourOf(fromMs) + 1)),
      ofValue: ofValue.length,
      absent: ofValue.filter((id) => !stored.has(id)),
    };
  } finally {
    await pipeline.end();
  }
}

function isOfValue({ request: { body, expected } }: RequestRecord): boolean {
  return body !== undefined && expected.code !== 'SUCCESS';
}

function hourOf(ms: number): number {
  return Math.floor(ms / 3_600_000);
}

/** Opens the store as it will be some hours later, and waits until it has merged what it has. */
async function mergedSize(
  directory: string,
  hours: number,
): Promise<{ readonly bytes: number; readonly events: number }> {
  const store = await openDuckDbStore({ directory, clock: () => Date.now() + LATER_MS });
  try {
    const { bytes, events } = await waitFor('the segments to be merged', () => {
      const stats = store.stats();
      return stats.segments <= hours ? stats : undefined;
    });
    return { bytes, events };
  } finally {
    await store.close();
  }
}
