/**
 * A broker (or a database, or both) is killed with `kill -9` under traffic, and started again a while later.
 *
 * The application is a process of its own that logs by its environment: a queue, and MongoDB behind it. Requests come at a
 * fixed rate from here, which writes down the number of each one that was answered: the oracle. In the end the queue is
 * read from its beginning and written into MongoDB, as a server's writer does, and each number must stand there exactly
 * once; the ledger in MongoDB must agree.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  createSink,
  type KeptAccount,
  MongoWriter,
  pathOf,
  readAccounts,
  readTarget,
  toEvent,
} from 'tailrace/sinks/mongodb';
import { endProcess, freePort, runSource } from '../tests/processes.ts';
import { type OwnService, startService } from '../tests/services.ts';
import { readKafka, readRedis } from './queue-entries.ts';

export type Victim = 'kafka' | 'redis' | 'mongodb' | 'all';

export interface OutageOptions {
  readonly victim: Victim;
  /** Length of the outage, and of the time before it. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly say: (line: string) => void;
}

export interface Alert {
  /** Seconds after the kill, and after the services were back. */
  readonly afterKill: number;
  readonly afterReturn: number;
  readonly text: string;
}

export interface OutageReport {
  readonly victim: Victim;
  readonly requests: number;
  readonly failedRequests: number;
  /** Milliseconds from request to answer. */
  readonly before: Latency;
  readonly during: Latency;
  readonly after: Latency;
  readonly alerts: readonly Alert[];
  /** Lines in the queue, and those among them that stood in MongoDB already. */
  readonly queued: number;
  readonly doublesOnTheWire: number;
  readonly missing: number;
  readonly twice: number;
  /** By the ledger as MongoDB has it. */
  readonly ledger: { readonly kept: number; readonly stored: number; readonly dropped: number; readonly dead: number };
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

const TOPIC = 'tailrace-events';
const APPLICATION = new URL('./broker-application.ts', import.meta.url).pathname;
const WARM_UP_MS = 5_000;
const RETURN_TIMEOUT_MS = 180_000;

export async function killUnderTraffic(options: OutageOptions): Promise<OutageReport> {
  const { victim, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-broker-'));
  const queueName = victim === 'kafka' || victim === 'all' ? 'kafka' : 'redis';
  const queue = required(await startService(queueName));
  const database = required(await startService('mongodb'));
  const victims = victim === 'all' ? [queue, database] : [victim === 'mongodb' ? database : queue];
  const alerts = await listenForAlerts();
  const port = await freePort();
  const logFile = join(folder, 'application.log');
  const application = runSource(APPLICATION, [], {
    logFile,
    env: {
      PORT: String(port),
      SERVICE_NAME: 'payments',
      TAILRACE_DATA_DIR: join(folder, 'data'),
      LOG_SAMPLING_NORMAL_RATE: '1',
      STORAGE_TYPE: 'mongodb',
      MONGODB_URI: database.url,
      MQ_ENABLED: 'true',
      MQ_TYPE: queueName,
      MQ_BROKER_ADDRESS: queue.address,
      TAILRACE_ALERT_WEBHOOK_URL: alerts.url,
    },
  });
  const traffic = new Traffic(`http://127.0.0.1:${port}`);
  try {
    await traffic.waitUntilUp();
    const stopTraffic = traffic.start(options.requestsPerSecond);
    await sleep(WARM_UP_MS);
    const before = await traffic.measure(options.seconds * 1_000);
    say(`before: ${JSON.stringify(before)}`);
    const killedAt = performance.now();
    await Promise.all(victims.map((service) => service.kill()));
    const during = await traffic.measure(options.seconds * 1_000);
    say(`during: ${JSON.stringify(during)}`);
    await Promise.all(victims.map((service) => service.start()));
    const backAt = performance.now();
    const after = await traffic.measure(options.seconds * 1_000);
    // Its second choice going down and up is no change of stage: the route stands at its first.
    if (victim !== 'mongodb') await alerts.waitFor(/ is back .* to queue/, RETURN_TIMEOUT_MS);
    say(`after: ${JSON.stringify(after)}`);
    stopTraffic();
    await sleep(1_000);
    const { isFlushed } = await traffic.done();
    if (!isFlushed) throw new Error('the application could not deliver all of it');
    await endProcess(application, 'SIGTERM');
    return {
      victim,
      requests: traffic.answered.size,
      failedRequests: traffic.failed,
      before,
      during,
      after,
      alerts: alerts.texts.map(({ at, text }) => ({
        afterKill: seconds(at - killedAt),
        afterReturn: seconds(at - backAt),
        text,
      })),
      ...(await judge(queue, database, traffic.answered)),
    };
  } catch (error) {
    say(`the application's log: ${logFile}`);
    throw error;
  } finally {
    await endProcess(application, 'SIGKILL');
    alerts.close();
    await Promise.all([queue.close(), database.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

function required(service: OwnService | undefined): OwnService {
  if (service === undefined) throw new Error('a service is not installed');
  return service;
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** Requests at a fixed rate, each with a number of its own. */
class Traffic {
  readonly answered = new Set<number>();
  failed = 0;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #latencies: number[] = [];
  #number = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async waitUntilUp(): Promise<void> {
    for (let tries = 0; !(await this.#request('/pay?n=0').catch(() => undefined)); tries += 1) {
      if (tries > 600) throw new Error('the application did not start');
      await sleep(100);
    }
    this.answered.add(0);
  }

  start(perSecond: number): () => void {
    const timer = setInterval(() => void this.#pay(), 1_000 / perSecond);
    return () => clearInterval(timer);
  }

  async measure(ms: number): Promise<Latency> {
    this.#latencies = [];
    await sleep(ms);
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (share: number): number => {
      return (
        Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 100) / 100
      );
    };
    return { p50: at(0.5), p99: at(0.99) };
  }

  async done(): Promise<{ readonly isFlushed: boolean }> {
    return JSON.parse((await this.#request('/done')) ?? '');
  }

  async #pay(): Promise<void> {
    this.#number += 1;
    const number = this.#number;
    const begun = performance.now();
    try {
      await this.#request(`/pay?n=${number}`);
      this.answered.add(number);
      this.#latencies.push(performance.now() - begun);
    } catch {
      this.failed += 1;
    }
  }

  #request(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      get(`${this.#url}${path}`, { agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      }).on('error', reject);
    });
  }
}

async function listenForAlerts() {
  const texts: { readonly at: number; readonly text: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      texts.push({ at: performance.now(), text: JSON.parse(body).text });
      response.end('ok');
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}/`,
    texts,
    async waitFor(pattern: RegExp, timeoutMs: number): Promise<void> {
      for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(200)) {
        if (texts.some(({ text }) => pattern.test(text))) return;
      }
      throw new Error(`no alert like ${pattern} within ${timeoutMs} ms`);
    },
    close: () => void server.close(),
  };
}

/** Writes the queue into MongoDB, and compares what stands there with what was answered. */
async function judge(queue: OwnService, database: OwnService, answered: ReadonlySet<number>) {
  const lines = queue.name === 'kafka' ? await readKafka(queue.address, TOPIC) : await readRedis(queue.url, TOPIC);
  const sink = await createSink({ uri: database.url }, { notice: () => {} });
  let doublesOnTheWire = 0;
  for (let from = 0; from < lines.length; from += 500) {
    const part = lines.slice(from, from + 500).map((line) => Buffer.from(line));
    const body = Buffer.concat(part.flatMap((line) => [line, Buffer.from('\n')]));
    const outcome = await sink.send({ lines: part, body }, AbortSignal.timeout(30_000));
    if (outcome.kind !== 'delivered') throw new Error(`MongoDB answered ${JSON.stringify(outcome)}`);
    doublesOnTheWire += outcome.duplicates ?? 0;
  }
  await sink.close?.();

  const connection = await connect(readTarget({ uri: database.url }));
  try {
    const counts = new Map<number, number>();
    const found = connection.db.collection('events').find({ route: '/pay' });
    for await (const document of found.project({ [pathOf('n')]: 1 })) {
      const number = Number(toEvent(document).n);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    const accounts = await readAccounts(new MongoWriter(connection).collections, 100);
    return {
      queued: lines.length,
      doublesOnTheWire,
      missing: [...answered].filter((number) => !counts.has(number)).length,
      twice: [...counts.values()].filter((count) => count > 1).length,
      ledger: totalsOf(accounts),
    };
  } finally {
    await connection.close();
  }
}

function totalsOf(accounts: readonly KeptAccount[]): OutageReport['ledger'] {
  const total = { kept: 0, stored: 0, dropped: 0, dead: 0 };
  for (const { lines, stored } of accounts) {
    for (const [from, to] of stored) total.stored += to - from + 1;
    for (const line of lines) {
      if ('sequence' in line) total.kept += line.sequence;
      for (const { count } of Object.values(line.dropped)) total.dropped += count;
      for (const { count } of Object.values(line.dead)) total.dead += count;
    }
  }
  return total;
}
