/**
 * P4: an application whose log store takes connections and never answers, next to the same application without a log.
 * Each runs in a process of its own; they are asked by turns of some seconds, so that what else the machine does hits all
 * alike. Each request waits 20 ms for what stands for a database, as requests do.
 *
 * They are asked in two ways. Customers who know nothing of each other tell what one of them feels. Twenty connections that ask
 * as fast as they are answered tell the throughput; as they all wait equally long, they soon ask in step, and each of
 * them waits for the work of all twenty.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../result.ts';
import { quantile, ratios, spreadOf } from '../statistics.ts';
import { stayAwake } from '../stay-awake.ts';
import { StolenTime } from '../stolen-time.ts';
import { type Asked, askAtRate, askInTurns } from './customers.ts';

/** Tailrace as it comes, which keeps one normal request in a hundred; and with all of them kept. */
const LOGS = ['nothing', 'tailrace', 'tailrace-all', 'pino'] as const;
type Log = (typeof LOGS)[number];

const CUSTOMERS_PER_SECOND = 1_000;
const CONNECTIONS = 20;
/** Then the programs are compiled, and cost what they cost a server that runs for hours: so many more at once are soon done. */
const WARM_UP = { requests: 20_000, connections: 200 };

/** Stolen time beyond that drowns what is to be measured. */
const MAX_STOLEN = 0.02;
const MAX_TRIES = 2;
const AIM = 1.02;

interface Turn {
  readonly p99Ms: number;
  /** Of twenty connections in step: microseconds for each request of all together, and the p99 of one. */
  readonly microsInStep: number;
  readonly p99MsInStep: number;
  /** The larger share of the processors' time that was stolen in one of the two. */
  readonly stolen: number;
}

export interface HangingStoreOptions {
  /** Each with processes of its own. */
  readonly rounds: number;
  /** In each of them. */
  readonly turns: number;
  readonly secondsPerTurn: number;
  readonly onProgress: (text: string) => void;
}

export async function measureHangingStore(options: HangingStoreOptions): Promise<CaseResult[]> {
  const store = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const storeUrl = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  const letRest = stayAwake();
  const found: Record<Log, Turn[]> = { nothing: [], tailrace: [], 'tailrace-all': [], pino: [] };
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      options.onProgress(`round ${round + 1} of ${options.rounds}`);
      await measureRound(storeUrl, options, (log, turn) => found[log].push(turn));
    }
  } finally {
    letRest();
    store.close();
  }
  return resultsOf(found);
}

async function measureRound(
  storeUrl: string,
  { turns, secondsPerTurn }: HangingStoreOptions,
  note: (log: Log, turn: Turn) => void,
): Promise<void> {
  const applications: Application[] = [];
  try {
    for (const log of LOGS) applications.push(await startApplication(log, storeUrl));
    for (let turn = 0; turn < turns; turn += 1)
      for (const application of turn % 2 === 0 ? applications : applications.toReversed())
        note(application.log, await measureTurn(application.port, secondsPerTurn));
  } finally {
    for (const application of applications) application.end();
  }
}

interface Application {
  readonly log: Log;
  readonly port: number;
  end(): void;
}

async function startApplication(log: Log, storeUrl: string): Promise<Application> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const script = fileURLToPath(new URL('./small-application.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, log, folder, storeUrl], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const end = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await firstLine(child);
    await askInTurns(port, WARM_UP.connections, (answered) => answered < WARM_UP.requests);
    return { log, port, end };
  } catch (error) {
    end();
    throw error;
  }
}

async function measureTurn(port: number, seconds: number): Promise<Turn> {
  const apart = await undisturbed(() => askAtRate(port, CUSTOMERS_PER_SECOND, seconds));
  const inStep = await undisturbed(() => {
    const endMs = performance.now() + seconds * 1000;
    return askInTurns(port, CONNECTIONS, () => performance.now() < endMs);
  });
  return {
    p99Ms: quantile(apart.tookMs, 0.99),
    microsInStep: (inStep.seconds / inStep.tookMs.length) * 1e6,
    p99MsInStep: quantile(inStep.tookMs, 0.99),
    stolen: Math.max(apart.stolen, inStep.stolen),
  };
}

function resultsOf(found: Readonly<Record<Log, readonly Turn[]>>): CaseResult[] {
  const of = (log: Log, kind: keyof Turn): number[] => found[log].map((turn) => turn[kind]);
  const compare = (log: Log, id: string, title: string, unit: string, kind: keyof Turn): CaseResult => {
    const beside = (peer: Log) => ({
      theirs: spreadOf(of(peer, kind)),
      ratio: spreadOf(ratios(of(log, kind), of(peer, kind))),
    });
    return {
      id,
      title,
      unit,
      name: log,
      ours: spreadOf(of(log, kind)),
      comparisons: [
        { ...beside('nothing'), peer: 'no log', aim: AIM },
        ...(log === 'tailrace-all' ? [{ ...beside('pino'), peer: 'pino sync, to a file' }] : []),
      ],
    };
  };
  const stolen = LOGS.flatMap((log) => of(log, 'stolen'));
  const note = `P4: of the processors' time ${percent(quantile(stolen, 0.5))} was stolen by other machines in the median of its turns, ${percent(Math.max(...stolen))} at most; a turn that lost more than ${percent(MAX_STOLEN)} was measured again, up to ${MAX_TRIES} times.`;
  const inStep = 'its throughput, 20 connections in step: time for each request of all together';
  return [
    { ...compare('tailrace', 'P4', 'p99 of an application whose log store hangs', 'ms', 'p99Ms'), notes: [note] },
    compare('tailrace', 'P4b', inStep, 'µs', 'microsInStep'),
    compare('tailrace', 'P4c', 'p99 of these 20 connections', 'ms', 'p99MsInStep'),
    compare('tailrace-all', 'P4d', 'P4 with all requests kept', 'ms', 'p99Ms'),
    compare('tailrace-all', 'P4e', 'P4b with all requests kept', 'µs', 'microsInStep'),
    compare('tailrace-all', 'P4f', 'P4c with all requests kept', 'ms', 'p99MsInStep'),
  ];
}

/** Measures again while the machine's processors were stolen meanwhile, and takes what was disturbed least. */
async function undisturbed(measure: () => Promise<Asked>): Promise<Asked & { readonly stolen: number }> {
  let best: (Asked & { readonly stolen: number }) | undefined;
  for (let tries = 0; tries < MAX_TRIES && (best === undefined || best.stolen > MAX_STOLEN); tries += 1) {
    const stolenTime = new StolenTime();
    const asked = await measure();
    const stolen = stolenTime.share();
    if (best === undefined || stolen < best.stolen) best = { ...asked, stolen };
  }
  if (best === undefined) throw new Error('nothing was measured');
  return best;
}

async function firstLine(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the application has no output');
  for await (const line of createInterface({ input: child.stdout })) return Number(line);
  throw new Error('the application ended before it listened');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
