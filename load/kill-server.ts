/**
 * `kill -9` of the server under ingest, over and over: in the middle of bodies, inserts, commits, merges and retention.
 *
 *   node --import tsx load/kill-server.ts --rounds 100 --seconds 2 --seed 7
 *
 * Producers post batches without a pause and send again whatever was not answered, as the library does. Commits come every
 * few thousand events, merges after a few commits, and the store may have so few bytes that retention is at work all the
 * time: a kill at a random moment meets all of them, and how many it met amid a segment is told. What is asserted: every event
 * whose batch was answered is in the store exactly once, or in the account of what retention took; none is there that
 * was never sent; no segment was set aside; the server listened within two seconds. The ledger must agree.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomStream } from '../examples/payments/src/random.ts';
import { freePort, waitFor } from '../tests/processes.ts';
import { createServerClient } from '../tests/server-client.ts';
import { BuiltServer } from './built-server.ts';
import { EventMaker } from './made-events.ts';
import { describeMs, percentile } from './percentiles.ts';
import { createAgent, post } from './posting.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    /** When the kills come; printed, so that a run can be repeated. */
    seed: { type: 'string' },
    /** Longest time until a kill. */
    seconds: { type: 'string', default: '2' },
    bytes: { type: 'string', default: '600' },
    producers: { type: 'string', default: '3' },
    batch: { type: 'string', default: '200' },
    'start-limit-ms': { type: 'string', default: '2000' },
    /** What the store may keep; beyond it retention takes the oldest. */
    'retention-bytes': { type: 'string', default: '16MiB' },
  },
});
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const random = randomStream(seed, 'traffic', 0);
console.log(`seed ${seed}`);
const REST_MS = 120_000;
const RETRY_MS = 20;

const dataDir = await mkdtemp(join(tmpdir(), 'tailrace-kill-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const agent = createAgent(Number(values.producers));
const from = new Date(Date.now() - 1000).toISOString();
const COMMIT_LINES = 2000;
const env = {
  TAILRACE_PORT: String(port),
  TAILRACE_COMMIT_LINES: String(COMMIT_LINES),
  TAILRACE_COMMIT_SECONDS: '0.2',
  TAILRACE_RETENTION_BYTES: values['retention-bytes'],
};

class Producer {
  readonly maker: EventMaker;
  /** Numbers up to this one were answered for. */
  answered = 0;
  duplicates = 0;
  #isOver = false;
  #running: Promise<void>;

  constructor(seed: number) {
    this.maker = new EventMaker(Number(values.bytes), seed);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  start(): void {
    this.#isOver = false;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const lines = Array.from({ length: Number(values.batch) }, () => this.maker.next());
      const body = Buffer.from(`${lines.join('\n')}\n`);
      for (;;) {
        const posted = await post(agent, url, body);
        if (posted.kind === 'answered') {
          if (posted.reply.refused.length > 0) throw new Error(JSON.stringify(posted.reply.refused[0]));
          this.duplicates += posted.reply.duplicates;
          this.answered = this.maker.sequence;
          break;
        }
        await sleep(posted.kind === 'busy' ? posted.retryAfterMs : RETRY_MS);
      }
    }
  }
}

let server = await BuiltServer.start({ dataDir, env });
const client = createServerClient(url);
const producers = Array.from({ length: Number(values.producers) }, (_, i) => new Producer(i + 1));
const startsMs: number[] = [];
const startCpusMs: number[] = [];
const faults: string[] = [];
let amidSegment = 0;
let wasMerged = false;
let wasRetired = false;

interface Stored {
  readonly count: number;
  readonly ids: number;
  /** What retention took since the store was made. */
  readonly retired: number;
}

async function retiredEvents(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tailrace_store_retired_events (\S+)$/m.exec(text)?.[1]);
}

/** Retention may be at work between two questions: they are asked again until it was not. */
async function countStored(): Promise<Stored> {
  for (;;) {
    const retired = await retiredEvents();
    const { rows } = await client.query({
      from,
      to: 'now',
      aggregates: [
        { fn: 'count', as: 'count' },
        { fn: 'distinct', field: 'event_id', as: 'ids' },
      ],
    });
    const stored = { count: Number(rows[0]?.count), ids: Number(rows[0]?.ids), retired };
    if ((await retiredEvents()) === retired) return stored;
  }
}

/** A kill may come before the server has made anything. */
function orNothing(error: unknown): [] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}

/** True where the kill left a segment that was not finished, or that no manifest named yet. */
async function isAmidSegment(): Promise<boolean> {
  const store = join(dataDir, 'store');
  const unfinished = (await readdir(join(store, 'tmp')).catch(orNothing)).some((file) => file.endsWith('.parquet'));
  if (unfinished) return true;
  const named = new Set((await namedSegments().catch(orNothing)).map(({ path }) => path));
  const files = await readdir(join(store, 'segments'), { recursive: true }).catch(orNothing);
  return files.some((file) => file.endsWith('.parquet') && !named.has(`segments/${file}`));
}

async function namedSegments(): Promise<{ readonly path: string; readonly rows: number }[]> {
  const store = join(dataDir, 'store');
  const root = JSON.parse(await readFile(join(store, 'manifest.json'), 'utf8')) as { days: Record<string, string> };
  const days = await Promise.all(Object.values(root.days).map((file) => readFile(join(store, file), 'utf8')));
  return days.flatMap((text) => (JSON.parse(text) as { segments: { path: string; rows: number }[] }).segments);
}

/** With nobody posting: everything that was answered is there, once, and nothing else. */
async function compare(round: number): Promise<void> {
  await Promise.all(producers.map((producer) => producer.stop()));
  const sent = producers.reduce((sum, { maker }) => sum + maker.sequence, 0);
  const isThere = async () => ((await client.ledger()).totals.stored >= sent ? true : undefined);
  await waitFor(`${sent} events to be stored`, isThere, REST_MS).catch((error: unknown) => faults.push(String(error)));
  const { totals } = await client.ledger();
  const { count, ids, retired } = await countStored();
  if (count + retired !== sent || ids !== count || totals.stored !== sent || totals.missing > 0) {
    faults.push(
      `round ${round}: ${sent} were answered for; in the store are ${count}, ${ids} of them different, and ${retired} were retired; the ledger says ${JSON.stringify(totals)}`,
    );
  }
  const merged = (await namedSegments()).filter(({ rows }) => rows > 2 * COMMIT_LINES).length;
  wasMerged ||= merged > 0;
  wasRetired ||= retired > 0;
  const health = (await (await fetch(`${url}/healthz`)).json()) as { store: { quarantined: number; segments: number } };
  if (health.store.quarantined > 0) faults.push(`round ${round}: ${health.store.quarantined} segments were set aside`);
  console.log(
    `round ${round}: ${sent} events, ${count} stored, ${retired} retired, ${health.store.segments} segments (${merged} merged), ${producers.reduce((sum, { duplicates }) => sum + duplicates, 0)} sent again, starts ${describeMs(startsMs)}`,
  );
  for (const producer of producers) producer.start();
}

const EVERY = 10;
for (let round = 1; round <= rounds && faults.length === 0; round += 1) {
  await sleep(random() * Number(values.seconds) * 1000);
  await server.end('SIGKILL');
  if (await isAmidSegment()) amidSegment += 1;
  server = await BuiltServer.start({ dataDir, env });
  startsMs.push(server.startMs);
  startCpusMs.push(server.startCpuMs);
  if (round % EVERY === 0 || round === rounds) await compare(round);
}
await Promise.all(producers.map((producer) => producer.stop()));
await server.end('SIGTERM');
agent.destroy();
await rm(dataDir, { recursive: true, force: true });
if (!wasMerged || !wasRetired) faults.push('no segment was merged, or none retired: the run shows nothing of that');
const limitMs = Number(values['start-limit-ms']);
if (percentile(startsMs, 1) > limitMs)
  faults.push(`a start took ${percentile(startsMs, 1).toFixed(0)} ms, more than ${limitMs}`);
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(
      ' ',
    )}; ${rounds} kills, ${amidSegment} of them amid a segment; starts ${describeMs(startsMs)}, of processor ${describeMs(startCpusMs)}`,
);
console.log(faults.length === 0 ? 'none missing, none twice, no segment set aside' : faults.join('\n'));
if (faults.length > 0) process.exitCode = 1;
