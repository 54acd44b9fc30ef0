/**
 * P5, P6 and P7: the server next to those that people use for the same, as far as they can be started here.
 *
 *   P5  processor time of the server for an event, from its post over HTTP until a query finds it; rounds in turns
 *   P6  bytes on disk for an event, after the last round, when each has done what it does by itself with what is written
 *   P7  time of an answer, all servers loaded with the same events; see server-questions.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER_PEERS } from '../peers/index.ts';
import { QUESTIONS, type RunningPeer } from '../peers/peer.ts';
import { treeCpuMs } from '../peers/process-tree.ts';
import type { CaseResult, Comparison } from '../result.ts';
import { quantile, ratios, type Spread, spreadOf } from '../statistics.ts';
import { makeDataset } from './server-events.ts';
import { type LoadedPeer, loadPeer } from './server-load.ts';
import { type Asking, askAll } from './server-questions.ts';

const OURS = 'Tailrace';
const HOURS = 4;
const WARM_UP_EVENTS = 20_000;
const HOUR_MS = 3_600_000;

/** What we want to be at, at most, by peer. */
const AIMS: Readonly<Record<'P5' | 'P6' | 'P7', Readonly<Record<string, number>>>> = {
  P5: { VictoriaLogs: 0.67, Loki: 0.67, OpenSearch: 0.67 },
  P6: { VictoriaLogs: 0.9, Loki: 0.9, 'ClickHouse engine': 0.9 },
  P7: { VictoriaLogs: 0.7, 'ClickHouse engine': 1.5, OpenSearch: 0.5 },
};

export interface ServersOptions {
  readonly events: number;
  readonly rounds: number;
  readonly queryRounds: number;
  /** Cases by id. */
  readonly only: ReadonlySet<string>;
  /** Peers by name; all that are there, unless named. */
  readonly peers?: ReadonlySet<string> | undefined;
  /** Doesn't wait until each server has merged what it merges by itself. */
  readonly isHasty: boolean;
  readonly onProgress: (text: string) => void;
}

export interface ServersRun {
  readonly results: readonly CaseResult[];
  /** Peers that could not be started here, with the reason. */
  readonly absent: readonly string[];
}

export async function measureServers(options: ServersOptions): Promise<ServersRun> {
  const { events, rounds, only, onProgress } = options;
  const wanted = SERVER_PEERS.filter(({ name }) => name === OURS || (options.peers?.has(name) ?? true));
  const absent = wanted.flatMap((peer) => peer.missing() ?? []);
  let peers = wanted.filter((peer) => peer.missing() === undefined);
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-bench-events-'));
  const loaded: LoadedPeer[] = [];
  try {
    const nowMs = Date.now();
    onProgress(`making ${events} events`);
    const dataset = await makeDataset({ folder, events, hours: HOURS, nowMs });
    const warmUp = await makeDataset({
      folder: await mkdtemp(join(folder, 'warm-up-')),
      events: Math.min(WARM_UP_EVENTS, events),
      hours: 1,
      nowMs: dataset.fromMs - HOUR_MS,
    });
    const costs = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      const isLast = round === rounds - 1;
      for (const peer of isLast ? peers : turned(peers, round + 1)) {
        const one = await loadPeer(peer, warmUp, dataset).catch((error: unknown) => reasonOf(error, peer.name));
        if (typeof one === 'string') {
          // A server that doesn't do the work is left out, and named; the others are compared.
          onProgress(one);
          absent.push(one);
          peers = peers.filter(({ name }) => name !== peer.name);
          costs.delete(peer.name);
          continue;
        }
        onProgress(
          `round ${round + 1} of ${rounds}: ${peer.name} ${one.load.cpuUsPerEvent.toFixed(1)} µs an event, ${(one.load.wallMs / 1000).toFixed(1)} s`,
        );
        costs.get(peer.name)?.push(one.load.cpuUsPerEvent);
        if (isLast) loaded.push(one);
        else await one.close();
      }
    }
    const running = loaded.map(({ peer }) => peer);
    const results: CaseResult[] = [];
    if (only.has('P5')) results.push(loadCase(costs, running, events));
    if (only.has('P6') || only.has('P7')) {
      const all = events + warmUp.events;
      const settled = await settleAll(running, all, options);
      if (only.has('P6')) results.push(sizeCase(settled));
      if (only.has('P7')) {
        onProgress('asking');
        const asking = await askAll(running, dataset, options.queryRounds);
        results.push(...questionCases(asking, running, events));
      }
    }
    return { results, absent };
  } finally {
    for (const one of loaded) await one.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws the error where it is ours: then there is nothing to compare. */
function reasonOf(error: unknown, name: string): string {
  if (name === OURS) throw error;
  return `${name} did not do the work: ${error instanceof Error ? error.message : String(error)}`;
}

function turned<T>(list: readonly T[], by: number): T[] {
  return list.map((_, i) => list[(i + by) % list.length]).filter((one) => one !== undefined);
}

function others(names: Iterable<string>): string[] {
  return [...names].filter((name) => name !== OURS);
}

function aimOf(id: keyof typeof AIMS, peer: string): Pick<Comparison, 'aim'> {
  const aim = AIMS[id][peer];
  return aim === undefined ? {} : { aim };
}

function loadCase(
  costs: ReadonlyMap<string, readonly number[]>,
  peers: readonly RunningPeer[],
  events: number,
): CaseResult {
  const of = (name: string): readonly number[] => costs.get(name) ?? [];
  const rates = [...costs].map(([name, us]) => `${name} ${Math.round(1e6 / quantile(us, 0.5))}`);
  return {
    id: 'P5',
    title: `server: from the post of ${events} events of 1 KB until a query finds them`,
    unit: 'µs of processor an event',
    name: OURS,
    ours: spreadOf(of(OURS)),
    comparisons: others(costs.keys()).map((peer) => ({
      peer,
      theirs: spreadOf(of(peer)),
      ratio: spreadOf(ratios(of(OURS), of(peer))),
      ...aimOf('P5', peer),
    })),
    notes: [
      `P5, events per second and core: ${rates.join(', ')}.`,
      ...peers.flatMap(({ notes }) => notes.map((note) => `P5: ${note}.`)),
    ],
  };
}

interface Settled {
  readonly bytesPerEvent: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

async function settleAll(
  peers: readonly RunningPeer[],
  events: number,
  { isHasty, onProgress }: ServersOptions,
): Promise<Settled> {
  const bytesPerEvent = new Map<string, number>();
  const notes: string[] = [];
  for (const peer of [...peers].reverse()) {
    const cpuBeforeMs = treeCpuMs(peer.pid);
    const how = await peer.settle(isHasty);
    const cpuUs = (1000 * (treeCpuMs(peer.pid) - cpuBeforeMs)) / events;
    const bytes = (await peer.storedBytes()) / events;
    onProgress(`${how}; ${bytes.toFixed(1)} bytes an event`);
    bytesPerEvent.set(peer.name, bytes);
    notes.push(`P6: ${how} (${cpuUs.toFixed(1)} µs an event).`);
  }
  return { bytesPerEvent, notes };
}

function sizeCase({ bytesPerEvent, notes }: Settled): CaseResult {
  const of = (name: string): number => bytesPerEvent.get(name) ?? Number.NaN;
  return {
    id: 'P6',
    title: 'server: bytes on disk',
    unit: 'bytes an event',
    name: OURS,
    ours: certain(of(OURS)),
    comparisons: others(bytesPerEvent.keys()).map((peer) => ({
      peer,
      theirs: certain(of(peer)),
      ratio: certain(of(OURS) / of(peer)),
      ...aimOf('P6', peer),
    })),
    notes,
  };
}

function certain(value: number): Spread {
  return { median: value, low: value, high: value };
}

/** One row for each question, and one with the median of the ratios. */
function questionCases({ timesMs, notes }: Asking, peers: readonly RunningPeer[], events: number): CaseResult[] {
  const times = (name: string, question: (typeof QUESTIONS)[number]): readonly number[] =>
    timesMs.get(name)?.get(question) ?? [];
  const names = others(peers.map(({ name }) => name));
  const details = QUESTIONS.flatMap((question, i): CaseResult[] => {
    const ours = times(OURS, question);
    if (ours.length === 0) return [];
    return [
      {
        id: `P7${String.fromCharCode(97 + i)}`,
        title: question,
        unit: 'ms',
        name: OURS,
        isDetail: true,
        ours: spreadOf(ours),
        comparisons: names
          .filter((peer) => times(peer, question).length > 0)
          .map((peer) => {
            const theirs = times(peer, question);
            return { peer, theirs: spreadOf(theirs), ratio: spreadOf(ratios(ours, theirs)) };
          }),
      },
    ];
  });
  const medianOf = (values: (question: (typeof QUESTIONS)[number]) => readonly number[], peer: string): Spread => {
    const both = QUESTIONS.filter((question) => times(OURS, question).length > 0 && times(peer, question).length > 0);
    const rounds = Math.max(0, ...both.map((question) => times(OURS, question).length));
    return spreadOf(
      Array.from({ length: rounds }, (_, round) =>
        quantile(
          both.map((one) => values(one)[round] ?? Number.NaN),
          0.5,
        ),
      ),
    );
  };
  const overall: CaseResult = {
    id: 'P7',
    title: `server: median of ${QUESTIONS.length} questions over ${events} events`,
    unit: 'ms',
    name: OURS,
    ours: medianOf((question) => times(OURS, question), OURS),
    comparisons: names.map((peer) => ({
      peer,
      theirs: medianOf((question) => times(peer, question), peer),
      ratio: medianOf((question) => ratios(times(OURS, question), times(peer, question)), peer),
      ...aimOf('P7', peer),
    })),
    notes: notes.map((note) => `P7: ${note}`),
  };
  return [overall, ...details];
}
