/**
 * `kill -9` of the server under ingest, over and over: in the middle of bodies, inserts, commits and merges.
 *
 *   node --import tsx load/kill-server.ts --rounds 100 --seconds 2
 *
 * Producers post batches without a pause and send again whatever was not answered, as the library does. Commits come every
 * few thousand events and merges after a few commits, so that a kill at a random moment meets all of them. What is asserted
 * after each start: every event whose batch was answered is in the store exactly once, none is there that was never sent,
 * no segment was set aside, and the server listened within two seconds. The ledger must agree at the end.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort, waitFor } from '../tests/processes.ts';
import { createServerClient } from '../tests/server-client.ts';
import { BuiltServer } from './built-server.ts';
import { EventMaker } from './made-events.ts';
import { describeMs, percentile } from './percentiles.ts';
import { createAgent, post } from './posting.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    /** Longest time until a kill. */
    seconds: { type: 'string', default: '2' },
    bytes: { type: 'string', default: '600' },
    producers: { type: 'string', default: '3' },
    batch: { type: 'string', default: '200' },
    'start-limit-ms': { type: 'string', default: '2000' },
  },
});
const rounds = Number(values.rounds);
const REST_MS = 120_000;
const RETRY_MS = 20;

const dataDir = await mkdtemp(join(tmpdir(), 'tailrace-kill-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const agent = createAgent(Number(values.producers));
const from = new Date(Date.now() - 1000).toISOString();
const env = {
  TAILRACE_PORT: String(port),
  TAILRACE_COMMIT_LINES: '2000',
  TAILRACE_COMMIT_SECONDS: '0.2',
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

async function countStored(): Promise<{ count: number; ids: number }> {
  const { rows } = await client.query({
    from,
    to: 'now',
    aggregates: [
      { fn: 'count', as: 'count' },
      { fn: 'distinct', field: 'event_id', as: 'ids' },
    ],
  });
  return { count: Number(rows[0]?.count), ids: Number(rows[0]?.ids) };
}

/** With nobody posting: everything that was answered is there, once, and nothing else. */
async function compare(round: number): Promise<void> {
  await Promise.all(producers.map((producer) => producer.stop()));
  const sent = producers.reduce((sum, { maker }) => sum + maker.sequence, 0);
  const isThere = async () => ((await client.ledger()).totals.stored >= sent ? true : undefined);
  await waitFor(`${sent} events to be stored`, isThere, REST_MS).catch((error: unknown) => faults.push(String(error)));
  const { totals } = await client.ledger();
  const { count, ids } = await countStored();
  if (count !== sent || ids !== sent || totals.stored !== sent || totals.missing > 0) {
    faults.push(
      `round ${round}: ${sent} were answered for; in the store are ${count}, ${ids} of them different; the ledger says ${JSON.stringify(totals)}`,
    );
  }
  const health = (await (await fetch(`${url}/healthz`)).json()) as { store: { quarantined: number; segments: number } };
  if (health.store.quarantined > 0) faults.push(`round ${round}: ${health.store.quarantined} segments were set aside`);
  console.log(
    `round ${round}: ${sent} events, ${count} stored, ${health.store.segments} segments, ${producers.reduce((sum, { duplicates }) => sum + duplicates, 0)} sent again, starts ${describeMs(startsMs)}`,
  );
  for (const producer of producers) producer.start();
}

const EVERY = 10;
for (let round = 1; round <= rounds && faults.length === 0; round += 1) {
  await sleep(Math.random() * Number(values.seconds) * 1000);
  await server.end('SIGKILL');
  server = await BuiltServer.start({ dataDir, env });
  startsMs.push(server.startMs);
  startCpusMs.push(server.startCpuMs);
  if (round % EVERY === 0 || round === rounds) await compare(round);
}
await Promise.all(producers.map((producer) => producer.stop()));
await server.end('SIGTERM');
agent.destroy();
await rm(dataDir, { recursive: true, force: true });
const limitMs = Number(values['start-limit-ms']);
if (percentile(startsMs, 1) > limitMs)
  faults.push(`a start took ${percentile(startsMs, 1).toFixed(0)} ms, more than ${limitMs}`);
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}; ${rounds} kills; starts ${describeMs(startsMs)}, of processor ${describeMs(startCpusMs)}`,
);
console.log(faults.length === 0 ? 'none missing, none twice, no segment set aside' : faults.join('\n'));
if (faults.length > 0) process.exitCode = 1;
