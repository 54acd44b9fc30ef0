/**
 * Ingest at full speed, or at a rate: what an event costs the server, how long an answer takes, how soon an event is found,
 * and that each is there once.
 *
 *   node --import tsx load/ingest.ts --events 1000000 --bytes 1000 --connections 4 --batch 1000
 *
 * The built server runs in a process of its own (`npm run build` first), in an empty folder. Each connection is one
 * producer, with its own numbers. Beside them one event a moment is followed: from its acknowledgement until the server finds it
 * by its id. At the end the store is asked for the number of events and of different ids, and the ledger for what it
 * misses; with `--hours` also for one hour of it (p99 by route, and the errors of one service), to see what ten times as
 * many hours cost. Processor time is that of all threads of the server, from /proc.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { waitFor } from '../tests/processes.ts';
import { createServerClient } from '../tests/server-client.ts';
import { BuiltServer, folderBytes } from './built-server.ts';
import { EventMaker } from './made-events.ts';
import { describeMs, percentile } from './percentiles.ts';
import { createAgent, postUntilAnswered } from './posting.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '1000' },
    connections: { type: 'string', default: '4' },
    batch: { type: 'string', default: '1000' },
    /** Events per second over all connections; 0 is as fast as it goes. */
    rate: { type: 'string', default: '0' },
    /** Hours before now over which the events' times are spread, evenly and in order; 0 gives each the time of its making. */
    hours: { type: 'string', default: '0' },
    /** A folder for a processor profile of the server. */
    profile: { type: 'string' },
    keep: { type: 'boolean', default: false },
    /** Waits until past hours are merged, so that their cost is in the figures, and the queries find what they will find for good. */
    merged: { type: 'boolean', default: false },
    /** A file for the figures, as JSON. */
    json: { type: 'string' },
  },
});
const events = Number(values.events);
const batch = Number(values.batch);
const connections = Number(values.connections);
const rate = Number(values.rate);
const hours = Number(values.hours);
const HOUR_MS = 3_600_000;
const QUIET_MS = 5 * 60_000 + 10_000;
/** No merge takes longer. */
const MERGE_MS = 20_000;
const FIND_EVERY_MS = 50;
const QUESTIONS = 25;
const REST_MS = 300_000;

const dataDir = await mkdtemp(join(tmpdir(), 'tailrace-load-'));
const server = await BuiltServer.start({
  dataDir,
  nodeArgs:
    values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`, '--cpu-prof-interval=500'],
});
const client = createServerClient(server.url);
const agent = createAgent(connections);
const firstMs = Date.now() - 1000 - hours * HOUR_MS;
const from = new Date(firstMs).toISOString();
const idleCpuMs = server.usage().cpuMs;
const startedMs = performance.now();
const answersMs: number[] = [];
const lagsMs: number[] = [];
let busy = 0;
let accepted = 0;
let lastAcknowledged: { readonly id: string; readonly atMs: number } | undefined;
let isOver = false;

async function produce(connection: number): Promise<EventMaker> {
  const share = Math.floor(events / connections) + (connection < events % connections ? 1 : 0);
  const timestampOf = (sequence: number) => Math.ceil(firstMs + (hours * HOUR_MS * sequence) / share);
  const maker = new EventMaker(Number(values.bytes), connection + 1, hours === 0 ? undefined : timestampOf);
  for (let sent = 0; sent < share; ) {
    const size = Math.min(batch, share - sent);
    const lines: string[] = [];
    for (let i = 0; i < size; i += 1) lines.push(maker.next());
    const body = Buffer.from(`${lines.join('\n')}\n`);
    const beganMs = performance.now();
    const reply = await postUntilAnswered(agent, server.url, body, () => {
      busy += 1;
    });
    const nowMs = performance.now();
    answersMs.push(nowMs - beganMs);
    accepted += reply.accepted;
    sent += size;
    if (reply.refused.length > 0) throw new Error(`refused: ${JSON.stringify(reply.refused[0])}`);
    lastAcknowledged = { id: `${maker.producer}-${maker.sequence}`, atMs: nowMs };
    if (rate > 0) {
      const dueMs = startedMs + (1000 * sent * connections) / rate;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    }
  }
  return maker;
}

/** Follows one event at a time from its acknowledgement until it is found. */
async function follow(): Promise<void> {
  while (!isOver) {
    const marker = lastAcknowledged;
    if (marker !== undefined) {
      lastAcknowledged = undefined;
      for (;;) {
        const response = await fetch(`${server.url}/v1/events/${marker.id}?neighbours=0`);
        await response.arrayBuffer();
        if (response.ok) break;
        await sleep(FIND_EVERY_MS);
      }
      lagsMs.push(performance.now() - marker.atMs);
    }
    await sleep(1000);
  }
}

/** The middle hour, asked a number of times each way, in ms. */
async function queryOneHour(): Promise<Map<string, number[]>> {
  const startMs = firstMs + Math.floor(hours / 2) * HOUR_MS;
  const range = { from: new Date(startMs).toISOString(), to: new Date(startMs + HOUR_MS).toISOString() };
  const p99ByRoute = {
    ...range,
    groupBy: ['route'],
    aggregates: [{ fn: 'percentile', field: 'duration_ms', p: 99, as: 'p99' }],
  } as const;
  const errorsOfOne = { ...range, where: 'service:payments level:error', limit: 100 };
  const found = new Map<string, number[]>();
  for (const [name, plan] of Object.entries({ p99ByRoute, errorsOfOne })) {
    const tookMs: number[] = [];
    for (let i = 0; i < QUESTIONS; i += 1) {
      const beganMs = performance.now();
      await client.query(plan);
      tookMs.push(performance.now() - beganMs);
    }
    found.set(name, tookMs);
  }
  return found;
}

async function countSegments(): Promise<number> {
  const health = (await (await fetch(`${server.url}/healthz`)).json()) as { readonly store: { segments: number } };
  return health.store.segments;
}

/** Hours that are past are merged after five quiet minutes, one after the other. */
async function waitForMerges(): Promise<void> {
  await sleep(QUIET_MS);
  for (let before = Number.NaN, now = await countSegments(); now !== before; now = await countSegments()) {
    before = now;
    await sleep(MERGE_MS);
  }
}

const following = follow();
const makers = await Promise.all(Array.from({ length: connections }, (_, i) => produce(i)));
const acceptedMs = performance.now() - startedMs;
const acceptedCpuMs = server.usage().cpuMs - idleCpuMs;
const farewell = Buffer.from(makers.map((maker) => `${JSON.stringify(maker.ledgerLine())}\n`).join(''));
await postUntilAnswered(agent, server.url, farewell, () => {});

const atRest = async () => ((await client.ledger()).totals.inFlight === 0 ? true : undefined);
await waitFor('everything to be in the store', atRest, REST_MS);
const storedMs = performance.now() - startedMs;
isOver = true;
await following;
if (values.merged) await waitForMerges();
const usage = server.usage();
const { totals } = await client.ledger();
const { rows } = await client.query({
  from,
  to: 'now',
  aggregates: [
    { fn: 'count', as: 'count' },
    { fn: 'distinct', field: 'event_id', as: 'ids' },
  ],
});
const oneHour = hours === 0 ? new Map<string, number[]>() : await queryOneHour();
const segments = await countSegments();
const health = (await (await fetch(`${server.url}/healthz`)).json()) as { readonly faults: readonly string[] };
await server.end('SIGTERM');
const bytes = await folderBytes(join(dataDir, 'store', 'segments'));

const perSecond = (count: number, ms: number): string => `${Math.round((count * 1000) / ms)}/s`;
const cpuMs = usage.cpuMs - idleCpuMs;
console.log(
  [
    `load average        ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
    `accepted            ${accepted} in ${(acceptedMs / 1000).toFixed(1)} s: ${perSecond(accepted, acceptedMs)}; ${busy} times too busy`,
    `in the store        after ${(storedMs / 1000).toFixed(1)} s: ${perSecond(accepted, storedMs)}`,
    `processor           ${((1000 * cpuMs) / events).toFixed(1)} µs an event, ${perSecond(events, cpuMs)} and core (${((1000 * acceptedCpuMs) / events).toFixed(1)} µs until accepted)`,
    `peak memory         ${(usage.peakBytes / 1048576).toFixed(0)} MiB`,
    `acknowledgement     ${describeMs(answersMs)}`,
    `until queryable     ${describeMs(lagsMs)}`,
    `on disk             ${(bytes / events).toFixed(0)} bytes an event in ${segments} segments`,
    `in the answer       ${JSON.stringify(rows[0])}`,
    `ledger              stored ${totals.stored}, missing ${totals.missing}, duplicates ${totals.duplicates}, dead ${totals.dead}`,
    ...[...oneHour].map(([name, tookMs]) => `one hour            ${name} ${describeMs(tookMs)}`),
    `faults              ${JSON.stringify(health.faults)}`,
  ].join('\n'),
);
const isRight =
  rows[0]?.count === events && rows[0]?.ids === events && totals.stored === events && totals.missing === 0;
if (values.json !== undefined) {
  const figures = {
    events,
    hours,
    cpuUsPerEvent: (1000 * cpuMs) / events,
    bytesPerEvent: bytes / events,
    oneHourMs: Object.fromEntries([...oneHour].map(([name, tookMs]) => [name, percentile(tookMs, 0.5)])),
  };
  await writeFile(values.json, `${JSON.stringify(figures)}\n`);
}
console.log(isRight ? 'none missing, none twice' : 'WRONG');
if (!isRight) process.exitCode = 1;
if (values.keep) console.log(dataDir);
else await rm(dataDir, { recursive: true, force: true });
agent.destroy();
