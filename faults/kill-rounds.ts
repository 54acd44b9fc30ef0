/**
 * `kill -9` in full traffic, and the proof that it cost nothing.
 *
 * The oracle is a file that the shop writes beside its spool (`oracle-preload.ts`): the id of every event whose write had
 * returned. After each kill the victim is started again, the traffic ends, and everything must come to rest: then each id
 * in that file is in the store exactly once, every event in the store belongs to a request that was really sent, and the
 * ledger knows of nothing missing. At the end the server is stopped in order, and the same is read from its Parquet files.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { between, type Random, randomStream } from '../examples/payments/src/random.ts';
import { Pipeline } from '../tests/pipeline.ts';
import { waitFor } from '../tests/processes.ts';
import type { EventRecord, Ledger, LedgerTotals, ProducerAccount } from '../tests/server-client.ts';
import { readStoredIds } from './stored-ids.ts';

export const VICTIMS = ['shop', 'server', 'both'] as const;
export type Victim = (typeof VICTIMS)[number];

export interface KillOptions {
  /** Kills of each victim. */
  readonly rounds: number;
  readonly seed: number;
  readonly concurrency: number;
  readonly say: (line: string) => void;
}

/** What the store holds, held against the oracle. */
export interface Comparison {
  /** Events whose write had returned. */
  readonly promised: number;
  readonly stored: number;
  /** Stored events that the oracle had no time to note. */
  readonly unnoted: number;
  /** Producers that the ledger knows: one for each start of the shop that logged something. */
  readonly producers: number;
  /** Events that arrived more than once, and were stored once. */
  readonly duplicates: number;
  /** Of the promised events, those that told of the failure of the only sink, and are therefore not stored. */
  readonly ownFailures: number;
  readonly faults: readonly string[];
}

export interface KillReport extends Comparison {
  readonly kills: number;
  /** Requests that were sent, and those of them that met a dead shop. */
  readonly requests: number;
  readonly unanswered: number;
}

interface Campaign {
  readonly pipeline: Pipeline;
  readonly oracleFile: string;
  readonly random: Random;
  readonly concurrency: number;
  readonly from: string;
  /** Ids of the requests that were sent. */
  readonly sent: Set<string>;
  unanswered: number;
  kills: number;
  nextPayment: number;
}

const ORACLE_PRELOAD = fileURLToPath(new URL('oracle-preload.ts', import.meta.url));
/** Payments of a round are numbered from a multiple of this. */
const PAYMENTS_OF_A_ROUND = 1_000_000;
const REST_TIMEOUT_MS = 60_000;
const EXAMPLES = 5;
const OWN_FAILURE = 'own_failure';

/** Kills each victim so many times; stops at the first round in which something was wrong. */
export async function killRounds(options: KillOptions): Promise<KillReport> {
  const oracleFolder = await mkdtemp(join(tmpdir(), 'tailrace-oracle-'));
  const oracleFile = join(oracleFolder, 'promised');
  const pipeline = await Pipeline.start({
    seed: options.seed,
    timeFactor: 0.02,
    normalRate: 1,
    shopPreload: [ORACLE_PRELOAD],
    shopEnv: { FAULTS_ORACLE_FILE: oracleFile },
  });
  const campaign: Campaign = {
    pipeline,
    oracleFile,
    random: randomStream(options.seed, 'traffic', 0),
    concurrency: options.concurrency,
    from: new Date(Date.now() - 1000).toISOString(),
    sent: new Set(),
    unanswered: 0,
    kills: 0,
    nextPayment: 1,
  };
  try {
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const victim of VICTIMS) {
        await killOnce(campaign, victim);
        const report = reportOf(campaign, await compareWithStore(campaign));
        options.say(`round ${round}, killed ${victim}: ${describe(report)}`);
        if (report.faults.length > 0) return report;
      }
    }
    return reportOf(campaign, await compareWithFiles(campaign));
  } catch (error) {
    options.say(pipeline.logs().slice(-20_000));
    throw error;
  } finally {
    await pipeline.end();
    await rm(oracleFolder, { recursive: true, force: true });
  }
}

function reportOf({ kills, sent, unanswered }: Campaign, comparison: Comparison): KillReport {
  return { kills, requests: sent.size, unanswered, ...comparison };
}

async function killOnce(campaign: Campaign, victim: Victim): Promise<void> {
  const { pipeline, random } = campaign;
  const stop = new AbortController();
  const firstPayment = campaign.nextPayment;
  campaign.nextPayment += PAYMENTS_OF_A_ROUND;
  const traffic = pipeline.traffic({ firstPayment, concurrency: campaign.concurrency, signal: stop.signal });
  await sleep(between(random, 300, 1500));
  await Promise.all([
    victim === 'server' ? undefined : pipeline.endShop('SIGKILL'),
    victim === 'shop' ? undefined : pipeline.endServer('SIGKILL'),
  ]);
  await sleep(between(random, 0, 700));
  // With both dead, the shop comes back first in half of the rounds, and finds no server.
  const starts = [
    victim === 'server' ? undefined : () => pipeline.startShop(),
    victim === 'shop' ? undefined : () => pipeline.startServer(),
  ].filter((start) => start !== undefined);
  if (random() < 0.5) starts.reverse();
  for (const start of starts) await start();
  await sleep(between(random, 300, 800));
  stop.abort();
  for (const { request, received } of await traffic) {
    campaign.sent.add(request.requestId);
    if ('unreachable' in received) campaign.unanswered += 1;
  }
  campaign.kills += 1;
}

/** Waits until everything is at rest, and compares what the server answers with the oracle. */
async function compareWithStore({ pipeline, oracleFile, from, sent }: Campaign): Promise<Comparison> {
  const promised = await readPromised(oracleFile);
  const allStored = async () => {
    const stored = (await pipeline.client.search('', from, 'now')).map(eventIdOf);
    const { producers } = await pipeline.client.ledger();
    return compareIds(promised, stored, countOwnFailures(producers)).length === 0 ? true : undefined;
  };
  const atRest = ({ totals }: Ledger) => totals.inFlight === 0 && totals.missing === 0;
  // What doesn't come to rest in time is compared as it is: the faults then say what is wrong.
  await waitFor('every promised event to be stored', allStored, REST_TIMEOUT_MS).catch(() => undefined);
  await pipeline.ledger('nothing in flight', atRest, REST_TIMEOUT_MS).catch(() => undefined);

  const { totals, producers } = await pipeline.client.ledger();
  const stored = await pipeline.client.search('', from, 'now');
  const faults = [
    ...compareIds(promised, stored.map(eventIdOf), countOwnFailures(producers)),
    ...findInvented(sent, stored),
  ];
  const { inFlight, missing, dropped, dead } = totals;
  if (inFlight + missing + dead + dropped - ownFailuresOf(totals) > 0 || totals.stored !== stored.length) {
    faults.push(`${stored.length} events are found, and the ledger says ${JSON.stringify(totals)}`);
  }
  return summarise(promised, stored.map(eventIdOf), { totals, producers }, faults);
}

/** Stops both in order, and compares what is in the server's files with the oracle. */
async function compareWithFiles({ pipeline, oracleFile }: Campaign): Promise<Comparison> {
  await pipeline.endShop('SIGTERM');
  const ledger = await pipeline.ledger('the last events', ({ totals }) => totals.inFlight === 0, REST_TIMEOUT_MS);
  await pipeline.endServer('SIGTERM');
  const promised = await readPromised(oracleFile);
  const stored = await readStoredIds(pipeline.serverDataDir);
  const faults = compareIds(promised, stored, countOwnFailures(ledger.producers)).map(
    (fault) => `in the files: ${fault}`,
  );
  return summarise(promised, stored, ledger, faults);
}

function summarise(
  promised: readonly string[],
  stored: readonly string[],
  { totals, producers }: Ledger,
  faults: readonly string[],
): Comparison {
  const noted = new Set(promised);
  return {
    promised: promised.length,
    stored: stored.length,
    unnoted: stored.filter((id) => !noted.has(id)).length,
    producers: producers.length,
    duplicates: totals.duplicates,
    ownFailures: ownFailuresOf(totals),
    faults,
  };
}

async function readPromised(file: string): Promise<readonly string[]> {
  // A kill in the middle of a write leaves a torn last line; what follows it begins a line of its own only by chance.
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line !== '');
}

/**
 * Every promised id is there, and no id is there twice.
 *
 * The library tells in an event of its own that a sink has failed, and never feeds that event to this very sink: it is
 * dropped, and the ledger counts it. So many ids of a producer may be missing, and no more.
 */
function compareIds(
  promised: readonly string[],
  stored: readonly string[],
  ownFailures: ReadonlyMap<string, number>,
): readonly string[] {
  const counts = new Map<string, number>();
  for (const id of stored) counts.set(id, (counts.get(id) ?? 0) + 1);
  const doubles = [...counts].filter(([, count]) => count > 1).map(([id]) => id);
  const missing = new Map<string, string[]>();
  for (const id of promised) {
    if (counts.has(id)) continue;
    const producer = id.slice(0, id.indexOf('-'));
    missing.set(producer, [...(missing.get(producer) ?? []), id]);
  }
  const lost = [...missing].flatMap(([producer, ids]) => (ids.length > (ownFailures.get(producer) ?? 0) ? ids : []));
  const faults: string[] = [];
  if (lost.length > 0) faults.push(`${lost.length} promised events are missing: ${examples(lost)}`);
  if (doubles.length > 0) faults.push(`${doubles.length} events are stored more than once: ${examples(doubles)}`);
  return faults;
}

function countOwnFailures(producers: readonly ProducerAccount[]): ReadonlyMap<string, number> {
  return new Map(producers.map((account) => [account.producer, ownFailuresOf(account)]));
}

function ownFailuresOf({ droppedByReason }: LedgerTotals): number {
  return droppedByReason[OWN_FAILURE] ?? 0;
}

const OWN_TOPICS = new Set(['logger.handler.error', 'logger.fallback']);

/** Every event tells a request that was sent, and each request has at most one. */
function findInvented(sent: ReadonlySet<string>, stored: readonly EventRecord[]): readonly string[] {
  const told = new Set<string>();
  const invented: string[] = [];
  for (const event of stored) {
    // The library's own events tell of sinks that failed and of what stood in for them, not of requests.
    if (OWN_TOPICS.has(String(event.topic))) continue;
    const request = String(event.request_id);
    if (!sent.has(request) || told.has(request)) invented.push(`${event.event_id} of request ${request}`);
    told.add(request);
  }
  return invented.length === 0 ? [] : [`${invented.length} events were invented: ${examples(invented)}`];
}

function eventIdOf(event: EventRecord): string {
  return String(event.event_id);
}

function examples(values: readonly string[]): string {
  return values.slice(0, EXAMPLES).join(', ') + (values.length > EXAMPLES ? ', …' : '');
}

function describe(report: KillReport): string {
  const { requests, unanswered, promised, stored, unnoted, producers, duplicates, faults } = report;
  const counts = `${requests} requests (${unanswered} unanswered), ${promised} promised, ${stored} stored`;
  const result = faults.length === 0 ? 'none missing, none twice' : faults.join('; ');
  return `${counts} (${unnoted} not noted, ${duplicates} sent twice), ${producers} producers: ${result}`;
}
