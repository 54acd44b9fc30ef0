/**
 * P4: an application whose log store takes connections and never answers, next to the same application without a log.
 * Both run in processes of their own at the same time of day: round by round, in turns. Twenty connections ask one after
 * the other; each request waits 20 ms for what stands for a database, as requests do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../result.ts';
import { quantile, ratios, spreadOf } from '../statistics.ts';

const CONNECTIONS = 20;
/** Then both programs are compiled, and cost what they cost a server that runs for hours: so many more at once are soon done. */
const WARM_UP = { requests: 20_000, connections: 200 };

interface Round {
  readonly p99Ms: number;
  readonly perSecond: number;
}

export interface HangingStoreOptions {
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly onProgress: (text: string) => void;
}

export async function measureHangingStore({
  rounds,
  secondsPerRound,
  onProgress,
}: HangingStoreOptions): Promise<CaseResult[]> {
  const store = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const storeUrl = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  const found = { nothing: [] as Round[], tailrace: [] as Round[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      onProgress(`round ${round + 1} of ${rounds}`);
      const order = round % 2 === 0 ? (['nothing', 'tailrace'] as const) : (['tailrace', 'nothing'] as const);
      for (const name of order) found[name].push(await runOnce(name, storeUrl, secondsPerRound));
    }
  } finally {
    store.close();
  }
  const of = (name: keyof typeof found, kind: keyof Round): number[] => found[name].map((round) => round[kind]);
  return [
    {
      id: 'P4',
      title: 'p99 of an application whose log store hangs',
      unit: 'ms',
      name: 'tailrace',
      ours: spreadOf(of('tailrace', 'p99Ms')),
      comparisons: [
        {
          peer: 'no log',
          theirs: spreadOf(of('nothing', 'p99Ms')),
          ratio: spreadOf(ratios(of('tailrace', 'p99Ms'), of('nothing', 'p99Ms'))),
          aim: 1.02,
        },
      ],
    },
    {
      id: 'P4b',
      title: 'time for each request of all connections together, log store hanging',
      unit: 'µs',
      name: 'tailrace',
      ours: spreadOf(of('tailrace', 'perSecond').map((rate) => 1e6 / rate)),
      comparisons: [
        {
          peer: 'no log',
          theirs: spreadOf(of('nothing', 'perSecond').map((rate) => 1e6 / rate)),
          ratio: spreadOf(ratios(of('nothing', 'perSecond'), of('tailrace', 'perSecond'))),
          aim: 1.02,
        },
      ],
    },
  ];
}

async function runOnce(log: 'nothing' | 'tailrace', storeUrl: string, seconds: number): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const script = fileURLToPath(new URL('./small-application.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, log, folder, storeUrl], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  try {
    const port = await firstLine(child);
    await ask(port, WARM_UP.connections, (asked) => asked < WARM_UP.requests);
    const endMs = performance.now() + seconds * 1000;
    return await ask(port, CONNECTIONS, () => performance.now() < endMs);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function firstLine(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the application has no output');
  for await (const line of createInterface({ input: child.stdout })) return Number(line);
  throw new Error('the application ended before it listened');
}

/** Asks on so many connections, each for itself, as long as `goesOn` holds. */
async function ask(port: number, connections: number, goesOn: (asked: number) => boolean): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const customer = async (): Promise<void> => {
    while (goesOn(tookMs.length)) {
      const askedMs = performance.now();
      await askOnce(agent, port);
      tookMs.push(performance.now() - askedMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, customer));
  const seconds = (performance.now() - startedMs) / 1000;
  agent.destroy();
  return { p99Ms: quantile(tookMs, 0.99), perSecond: tookMs.length / seconds };
}

function askOnce(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ agent, port, host: '127.0.0.1', path: '/payments/7', method: 'GET' }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the application answered ${response.statusCode}`));
      response.on('end', resolve).resume();
    })
      .on('error', reject)
      .end();
  });
}
