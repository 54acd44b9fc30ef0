/**
 * P1, P2 and P3: what a request's log costs the application's thread, next to the peers on the same work.
 *
 * Each round runs every contender once, in a process of its own and in another order, so that what else the machine does
 * hits all alike. The cost of the work without any log, of the same round, is subtracted; ratios are taken within a round.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContenderName } from '../contenders/index.ts';
import type { CaseResult, Comparison } from '../result.ts';
import { ratios, spreadOf } from '../statistics.ts';
import { type ContenderCost, WARM_UP } from './measure-contender.ts';

interface ThreadCase {
  readonly id: string;
  readonly title: string;
  readonly ours: ContenderName;
  readonly peers: readonly ContenderName[];
  readonly aims: Readonly<Partial<Record<ContenderName, number>>>;
}

const CASES: readonly ThreadCase[] = [
  {
    id: 'P1',
    title: 'application thread: one wide event, all kept, on disk',
    ours: 'tailrace without redaction',
    peers: ['pino sync', 'pino async', 'winston', 'logtape', 'evlog without redaction', 'bunyan'],
    aims: { 'pino sync': 0.6 },
  },
  {
    id: 'P2',
    title: 'the same with default redaction',
    ours: 'tailrace',
    peers: ['evlog', 'pino sync with redact'],
    aims: { evlog: 0.25 },
  },
  {
    id: 'P3',
    title: 'twenty lines a request, default sampling',
    ours: 'tailrace, 20 lines, sampled',
    peers: ['pino sync, 20 lines'],
    aims: { 'pino sync, 20 lines': 0.15 },
  },
  {
    id: 'gate',
    title: 'application thread, for the gate',
    ours: 'tailrace',
    peers: ['pino sync'],
    aims: {},
  },
];

export interface ThreadCostOptions {
  readonly rounds: number;
  readonly requests: number;
  /** Cases by id. */
  readonly only: ReadonlySet<string>;
  readonly onProgress: (text: string) => void;
}

export function measureThreadCost({ rounds, requests, only, onProgress }: ThreadCostOptions): CaseResult[] {
  const cases = CASES.filter(({ id }) => only.has(id));
  const names: ContenderName[] = ['nothing', ...cases.flatMap(({ ours, peers }) => [ours, ...peers])];
  if (cases.length === 0) return [];
  const costs = new Map<ContenderName, ContenderCost[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`);
    for (let i = 0; i < names.length; i += 1) {
      const name = names[(i * 5 + round) % names.length] ?? 'nothing';
      costs.get(name)?.push(runOnce(name, requests));
    }
  }
  return cases.map((one) => {
    const of = (name: ContenderName): number[] =>
      (costs.get(name) ?? []).map(({ threadUs }, i) => threadUs - (costs.get('nothing')?.[i]?.threadUs ?? 0));
    const comparisons: Comparison[] = one.peers.map((peer) => ({
      peer,
      theirs: spreadOf(of(peer)),
      ratio: spreadOf(ratios(of(one.ours), of(peer))),
      ...(one.aims[peer] === undefined ? {} : { aim: one.aims[peer] }),
    }));
    return {
      id: one.id,
      title: one.title,
      unit: 'µs a request',
      ours: spreadOf(of(one.ours)),
      name: one.ours,
      comparisons,
    };
  });
}

function runOnce(name: ContenderName, requests: number): ContenderCost {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  try {
    const script = fileURLToPath(new URL('./measure-contender.ts', import.meta.url));
    const output = execFileSync(process.execPath, ['--import', 'tsx', script, name, folder, String(requests)], {
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const cost: ContenderCost = JSON.parse(output.toString().trim().split('\n').at(-1) ?? '');
    checkLines(name, cost.lines, requests + WARM_UP);
    return cost;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A contender that wrote less did less: such a run is not compared. */
function checkLines(name: ContenderName, lines: number, requests: number): void {
  if (name === 'nothing') return;
  const perRequest = name.includes('20 lines') ? 20 : 1;
  // Sampled, about one request in a hundred is kept.
  const least = name.includes('sampled') ? requests * perRequest * 0.005 : requests * perRequest;
  if (lines < least)
    throw new Error(`${name} wrote ${lines} lines for ${requests} requests, at least ${least} were due`);
}
