/**
 * A campaign: everything is started, its parts are troubled for a while, each by its own list of steps; then all heals and
 * drains, and the judge compares.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Arrangement, type Queue } from './arrangement.ts';
import { Happenings } from './happenings.ts';
import { type Judgement, judge } from './judge.ts';
import { keepEvidence } from './judge-again.ts';
import type { LinkCounts } from './link.ts';
import type { Testimony } from './oracle.ts';
import { FORBIDDEN } from './planted.ts';
import { compilePrograms } from './programs.ts';
import { stepsOf } from './schedule.ts';
import { look, unseen } from './sights.ts';
import { type Going, troubleBroker, troubleLink, troubleProducer, troubleService } from './steps.ts';
import { findForbidden, readStoredEvents } from './stored-files.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** At least so long; up to two minutes more where something has not been met by then. */
  readonly seconds: number;
  readonly queue: Queue;
  /** Above 1 there is less time between one trouble and the next. */
  readonly pace: number;
  /** Events of each producer. */
  readonly perSecond: number;
  readonly say: (line: string) => void;
  /** Leaves all files where they are. */
  readonly keep?: boolean;
}

export interface CampaignReport {
  readonly seed: number;
  readonly queue: Queue;
  readonly seconds: number;
  readonly drainSeconds: number;
  readonly kills: number;
  readonly happenings: Readonly<Record<string, number>>;
  readonly link: LinkCounts;
  /** What the library told of itself, by code: in how many processes. */
  readonly notices: Readonly<Record<string, number>>;
  readonly producers: number;
  readonly deadLetters: number;
  readonly ledgerDuplicates: number;
  readonly judgement: Judgement;
  /** What this machine doesn't allow. */
  readonly notExercised: readonly string[];
  /** What is wrong, and what the run doesn't show: empty for a good run. */
  readonly faults: readonly string[];
}

/** Where nothing gets less for so long, the rest is stuck. How long it takes that moves is told, and is no fault. */
const STUCK_MS = 90_000;
const LONGEST_DRAIN_MS = 1_200_000;
const LOOK_MS = 500;
const FASTEST_PRODUCER = 2;
const LONGEST_MORE_MS = 120_000;
const STREAMS = { link: 1, ingest: 2, writer: 3, agent: 4, broker: 5, producers: 10 } as const;

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-faults-'));
  const happenings = new Happenings(options.say);
  const programs = await compilePrograms();
  const arrangement = await Arrangement.open({ ...options, folder, programs });
  let isOver = false;
  try {
    if (arrangement.disk === undefined) options.say('no disk can be mounted here: nothing is shown of full disks');
    await arrangement.start();
    happenings.tell('all is started');
    await trouble(arrangement, options, happenings);
    happenings.tell('all heals');
    const drainBegun = performance.now();
    const drainFaults = await drain(arrangement, happenings);
    const drainSeconds = (performance.now() - drainBegun) / 1_000;
    const report = await examine(arrangement, options, happenings, drainFaults, drainSeconds);
    isOver = report.faults.length === 0;
    return report;
  } finally {
    await arrangement.close();
    await programs.remove();
    if (options.keep === true || !isOver) options.say(`its files: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/** Until the time is over and everything was met once, or a part fails in a way that nobody asked for. */
async function trouble(
  arrangement: Arrangement,
  { seed, seconds, pace }: CampaignOptions,
  happenings: Happenings,
): Promise<void> {
  const { producers, agent, ingest, writer, broker, link } = arrangement;
  const stop = new AbortController();
  const going: Going = { stop: stop.signal, happenings };
  const parts = [
    troubleLink(link, stepsOf('link', seed, STREAMS.link, pace), going),
    troubleService(ingest, stepsOf('service', seed, STREAMS.ingest, pace), going),
    troubleService(agent, stepsOf('service', seed, STREAMS.agent, pace), going),
    ...(writer === undefined ? [] : [troubleService(writer, stepsOf('service', seed, STREAMS.writer, pace), going)]),
    ...(broker === undefined ? [] : [troubleBroker(broker, stepsOf('broker', seed, STREAMS.broker, pace), going)]),
    ...producers.map((producer, i) => {
      const kind = producer.disk === undefined ? 'producer' : 'small-disk';
      // One that dies before it has said anything shows nothing.
      const steps = stepsOf(kind, seed, STREAMS.producers + i, Math.min(pace, FASTEST_PRODUCER));
      return troubleProducer(producer, steps, going);
    }),
  ];
  const all = Promise.all(parts);
  const timeIsOver = async (): Promise<void> => {
    await wait(seconds * 1_000);
    let missing = unseen(arrangement, happenings, await look(arrangement));
    if (missing.length > 0) happenings.tell(`goes on, since it has shown nothing yet of ${missing.join(', ')}`);
    for (const deadline = performance.now() + LONGEST_MORE_MS; missing.length > 0; await wait(LOOK_MS)) {
      if (performance.now() > deadline) return;
      missing = unseen(arrangement, happenings, await look(arrangement));
    }
  };
  await Promise.race([timeIsOver(), all]);
  stop.abort();
  await all;
}

/** Nothing is in anybody's way any more: everything must arrive. @returns what did not */
async function drain(arrangement: Arrangement, happenings: Happenings): Promise<string[]> {
  const { client, link } = arrangement;
  link.begin('none');
  await arrangement.endProducers();
  const faults: string[] = [];
  let left: readonly string[] = [];
  const isEmpty = await untilDone(async () => {
    left = await arrangement.leftSpools();
    return { isDone: left.length === 0, state: left.join() };
  });
  if (isEmpty) happenings.tell('every spool is delivered');
  else faults.push(`${left.length} spools are not delivered, and nothing moves: ${left.slice(0, 3).join(', ')}`);
  await arrangement.endDelivery();
  happenings.tell('those who delivered have ended');
  let last = '';
  const isAtRest = await untilDone(async () => {
    const { totals } = await client.ledger();
    // Twice the same, so that nothing was on its way.
    const state = JSON.stringify(totals);
    const isSame = state === last;
    last = state;
    return { isDone: isSame && totals.inFlight === 0, state };
  });
  if (isAtRest) happenings.tell('nothing is in flight');
  else faults.push(`the ledger did not come to rest: ${last}`);
  return faults;
}

/** Looks until it is done; false where it is stuck. */
async function untilDone(look: () => Promise<{ readonly isDone: boolean; readonly state: string }>): Promise<boolean> {
  const begunMs = performance.now();
  let movedMs = begunMs;
  let last = '';
  for (;;) {
    const { isDone, state } = await look();
    if (isDone) return true;
    const nowMs = performance.now();
    if (state !== last) movedMs = nowMs;
    last = state;
    if (nowMs - movedMs > STUCK_MS || nowMs - begunMs > LONGEST_DRAIN_MS) return false;
    await wait(LOOK_MS);
  }
}

async function examine(
  arrangement: Arrangement,
  options: CampaignOptions,
  happenings: Happenings,
  drainFaults: readonly string[],
  drainSeconds: number,
): Promise<CampaignReport> {
  const { client, link, storeFolder, dataFolder, disk } = arrangement;
  const ledger = await client.ledger();
  const sights = await look(arrangement);
  await arrangement.endServers();
  await keepEvidence(arrangement, { ledger, torn: [...happenings.torn] });
  const stored = await readStoredEvents(storeFolder);
  const { testimonies } = sights;
  const judgement = judge({ testimonies, stored, ledger, torn: happenings.torn });
  const forbidden = await findForbidden(dataFolder, storeFolder, FORBIDDEN);
  const faults = [
    ...drainFaults,
    ...judgement.faults,
    ...forbidden.map((finding) => `a planted secret was found: ${finding}`),
    ...unseen(arrangement, happenings, sights).map((what) => `the run shows nothing of ${what}`),
  ];
  return {
    seed: options.seed,
    queue: options.queue,
    seconds: options.seconds,
    drainSeconds: Math.round(drainSeconds),
    kills: happenings.count('kill '),
    happenings: Object.fromEntries([...happenings.counts].sort()),
    link: link.counts,
    notices: countNotices(testimonies),
    producers: testimonies.length,
    deadLetters: sights.deadLetters,
    ledgerDuplicates: ledger.totals.duplicates,
    judgement,
    notExercised: disk === undefined ? ['a full disk and a read-only one: no tmpfs can be mounted here'] : [],
    faults,
  };
}

function countNotices(testimonies: readonly Testimony[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { notices } of testimonies) {
    for (const code of notices.keys()) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort());
}
