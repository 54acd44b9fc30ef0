/**
 * Ingest while people look on: live tails and heavy queries, all at once.
 *
 *   node --import tsx load/tails-and-queries.ts --rate 2000 --seconds 30 --tails 50 --queries 20
 *
 * Producers post at a rate. Meanwhile the tails follow the errors of a service each, and each of the query clients asks for percentiles
 * grouped by route over everything, again and again; every third question is cancelled by its client, and after the
 * run the server must be busy with none of them. Told are the acknowledgements, how long the queries took (the slowest client must not
 * starve), how soon an event is found, and what the tails saw.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createServerClient } from '../tests/server-client.ts';
import { BuiltServer } from './built-server.ts';
import { EventMaker } from './made-events.ts';
import { describeMs } from './percentiles.ts';
import { createAgent, postUntilAnswered } from './posting.ts';

const { values } = parseArgs({
  options: {
    /** Events per second. */
    rate: { type: 'string', default: '2000' },
    /** Events that are there before the looking begins. */
    before: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '30' },
    tails: { type: 'string', default: '50' },
    queries: { type: 'string', default: '20' },
    bytes: { type: 'string', default: '1000' },
    connections: { type: 'string', default: '4' },
    batch: { type: 'string', default: '100' },
  },
});
const connections = Number(values.connections);
const batch = Number(values.batch);
const CANCEL_EVERY = 3;
const CANCEL_AFTER_MS = 50;

const dataDir = await mkdtemp(join(tmpdir(), 'tailrace-watched-'));
const server = await BuiltServer.start({ dataDir });
const { url } = server;
const agent = createAgent(connections);
const makers = Array.from({ length: connections }, (_, i) => new EventMaker(Number(values.bytes), i + 1));
const answersMs: number[] = [];
const lagsMs: number[] = [];
const queriesMs: number[] = [];
const cancelledMs: number[] = [];
const answersByClient: number[] = [];
let busy = 0;
let refusedQueries = 0;
let tailEvents = 0;
let tailDrops = 0;
let posted = 0;
let isOver = false;
let lastAcknowledged: { readonly producer: string; readonly sequence: number; readonly atMs: number } | undefined;

function bodyOf(maker: EventMaker, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => `${maker.next()}\n`).join(''));
}

async function produce(maker: EventMaker): Promise<void> {
  const startedMs = performance.now();
  const everyMs = (1000 * batch * connections) / Number(values.rate);
  for (let n = 1; !isOver; n += 1) {
    const beganMs = performance.now();
    await postUntilAnswered(agent, url, bodyOf(maker, batch), () => {
      busy += 1;
    });
    const nowMs = performance.now();
    answersMs.push(nowMs - beganMs);
    posted += batch;
    lastAcknowledged = { producer: maker.producer, sequence: maker.sequence, atMs: nowMs };
    await sleep(Math.max(0, startedMs + n * everyMs - nowMs));
  }
}

/** What is told is when the tail ended. */
function tail(n: number): () => void {
  const services = ['checkout', 'payments', 'catalog', 'search', 'accounts', 'shipping', 'mail', 'gateway'];
  const q = encodeURIComponent(`service:${services[n % services.length]}${n % 2 === 0 ? ' level:error' : ''}`);
  const request = get(`${url}/v1/tail?q=${q}`, (response) => {
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      tailEvents += text.split('event: event\n').length - 1;
      tailDrops += text.split('event: dropped\n').length - 1;
    });
    response.on('error', () => {});
  });
  request.on('error', () => {});
  return () => request.destroy();
}

async function ask(client: number): Promise<void> {
  for (let n = 1; !isOver; n += 1) {
    const isCancelled = n % CANCEL_EVERY === 0;
    const beganMs = performance.now();
    try {
      const response = await fetch(`${url}/v1/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          from: '-1h',
          to: 'now',
          where: 'duration_ms:>1',
          groupBy: ['service', 'route'],
          aggregates: [
            { fn: 'count', as: 'count' },
            { fn: 'percentile', field: 'duration_ms', p: 0.95, as: 'p95' },
            { fn: 'distinct', field: 'user.id', as: 'users' },
            { fn: 'avg', field: 'cart.total', as: 'cart' },
          ],
          bucket: '1m',
          limit: 1000,
        }),
        signal: isCancelled ? AbortSignal.timeout(CANCEL_AFTER_MS) : AbortSignal.timeout(60_000),
      });
      const text = await response.text();
      if (response.status === 429 || response.status === 503) refusedQueries += 1;
      else if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
      queriesMs.push(performance.now() - beganMs);
      answersByClient[client] = (answersByClient[client] ?? 0) + 1;
    } catch (error) {
      if (!isCancelled) throw error;
      cancelledMs.push(performance.now() - beganMs);
    }
  }
}

/** Follows one event at a time until the store has it, by the ledger: a question about it would wait in turn with the others. */
async function follow(): Promise<void> {
  while (!isOver) {
    const marker = lastAcknowledged;
    lastAcknowledged = undefined;
    while (marker !== undefined && !isOver) {
      const { producers } = await createServerClient(url).ledger();
      const account = producers.find(({ producer }) => producer === marker.producer);
      if (account !== undefined && account.stored >= marker.sequence) {
        lagsMs.push(performance.now() - marker.atMs);
        break;
      }
      await sleep(20);
    }
    await sleep(500);
  }
}

for (let left = Number(values.before); left > 0; left -= 1000) {
  await postUntilAnswered(agent, url, bodyOf(makers[0] ?? new EventMaker(1000, 1), Math.min(left, 1000)), () => {});
}
const closeTails = Array.from({ length: Number(values.tails) }, (_, n) => tail(n));
const idleCpuMs = server.usage().cpuMs;
const startedMs = performance.now();
const all = [
  ...makers.map(produce),
  ...Array.from({ length: Number(values.queries) }, (_, client) => ask(client)),
  follow(),
];
await Promise.race([sleep(Number(values.seconds) * 1000), Promise.all(all)]);
isOver = true;
const tookMs = performance.now() - startedMs;
const usage = server.usage();
const loads = loadavg();
await Promise.all(all);
for (const close of closeTails) close();
agent.destroy();

// With nobody there any more, a query that had gone on would show as processor time.
await sleep(2000);
const beforeMs = server.usage().cpuMs;
await sleep(2000);
const idleMs = server.usage().cpuMs - beforeMs;
await server.end('SIGTERM');
await rm(dataDir, { recursive: true, force: true });

console.log(
  [
    `load average        ${loads.map((load) => load.toFixed(1)).join(' ')}`,
    `posted              ${posted} in ${(tookMs / 1000).toFixed(1)} s; ${busy} times too busy`,
    `acknowledgement     ${describeMs(answersMs)}`,
    `until in the store  ${describeMs(lagsMs)}`,
    `queries             ${describeMs(queriesMs)}; answers a client ${Math.min(...answersByClient)} to ${Math.max(...answersByClient)}; ${refusedQueries} refused`,
    `cancelled queries   ${cancelledMs.length}; processor afterwards ${idleMs} ms in 2 s`,
    `tails               ${tailEvents} events, ${tailDrops} notices of drops`,
    `processor           ${((usage.cpuMs - idleCpuMs) / tookMs).toFixed(2)} cores; peak memory ${(usage.peakBytes / 1048576).toFixed(0)} MiB`,
  ].join('\n'),
);
