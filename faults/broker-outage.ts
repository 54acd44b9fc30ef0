/**
 * A broker (or a database, or both) is killed with `kill -9` under traffic, and started again a while later; and that more
 * than once, so that time with the broker and time without it take turns, and what else the machine does hits both alike.
 *
 * Latency is told by windows of some seconds: the p99 of each, the median of the windows, and the ratio of without to with.
 * Windows in which the processors were stolen are left out, on both sides.
 *
 * The application is a process of its own that logs by its environment: a queue, and MongoDB behind it. Requests come at a
 * fixed rate from here, which writes down the number of each one that was answered: the oracle. In the end the queue is
 * read from its beginning and written into MongoDB, as a server's writer does, and each number must stand there exactly
 * once; the ledger in MongoDB must agree.
 */
import { mkdtemp, rm } from 'node:fs/promises';
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
import { stayAwake } from '../bench/stay-awake.ts';
import { endProcess, freePort, runSource, waitFor } from '../tests/processes.ts';
import { type OwnService, startService } from '../tests/services.ts';
import { listenForAlerts } from './alert-listener.ts';
import { leaveFirstProcessor, putBehind, takeFirstProcessor } from './apart.ts';
import { type CostedWindow, inBrief, type Latency, measureWindows, ratioOf } from './costed-windows.ts';
import { readKafka, readRedis } from './queue-entries.ts';
import { SteadyTraffic } from './steady-traffic.ts';
import type { RatioOfMedians } from './window-ratio.ts';

export type Victim = 'kafka' | 'redis' | 'mongodb' | 'all';

export interface OutageOptions {
  readonly victim: Victim;
  /** Length of an outage, and of the time before it. */
  readonly seconds: number;
  /** Outages, one after the other. */
  readonly cycles: number;
  readonly requestsPerSecond: number;
  /** The application has a processor of its own (`apart.ts`). */
  readonly isApart?: boolean;
  readonly say: (line: string) => void;
}

export interface Alert {
  /** From 1 up. */
  readonly cycle: number;
  /** Seconds after the kill, and after the services were back; where they weren't yet, there is none. */
  readonly afterKill: number;
  readonly afterReturn?: number;
  readonly text: string;
}

export interface OutageReport {
  readonly victim: Victim;
  readonly requests: number;
  readonly failedRequests: number;
  /** Milliseconds from request to answer. */
  readonly before: Latency;
  readonly during: Latency;
  /** The p99 during the outages by that before them. */
  readonly p99: RatioOfMedians;
  /** What a request costs the application's thread during the outages, by what it costs before them. */
  readonly threadCost: RatioOfMedians;
  readonly alerts: readonly Alert[];
  /** Lines in the queue, and those among them that stood in MongoDB already. */
  readonly queued: number;
  readonly doublesOnTheWire: number;
  readonly missing: number;
  readonly twice: number;
  /** By the ledger as MongoDB has it. */
  readonly ledger: { readonly kept: number; readonly stored: number; readonly dropped: number; readonly dead: number };
}

interface Outage {
  readonly killedAt: number;
  readonly backAt: number;
}

const TOPIC = 'tailrace-events';
const APPLICATION = new URL('./broker-application.ts', import.meta.url).pathname;
const WARM_UP_MS = 5_000;
const RETURN_TIMEOUT_MS = 180_000;

export async function killUnderTraffic(options: OutageOptions): Promise<OutageReport> {
  const { victim, say, isApart = false } = options;
  if (isApart) leaveFirstProcessor();
  const letRest = stayAwake();
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
  const applicationPid = application.pid ?? 0;
  const keepApart = (): void => {
    if (isApart) putBehind(applicationPid);
  };
  if (isApart) takeFirstProcessor(applicationPid);
  keepApart();
  const traffic = new SteadyTraffic(`http://127.0.0.1:${port}`);
  try {
    await traffic.waitUntilUp();
    const stopTraffic = traffic.start(options.requestsPerSecond);
    await sleep(WARM_UP_MS);
    const before: CostedWindow[] = [];
    const during: CostedWindow[] = [];
    const measure = () => measureWindows(traffic, applicationPid, options.seconds * 1_000);
    const outages: Outage[] = [];
    for (let cycle = 1; cycle <= options.cycles; cycle += 1) {
      before.push(...(await measure()));
      const killedAt = performance.now();
      await Promise.all(victims.map((service) => service.kill()));
      during.push(...(await measure()));
      await Promise.all(victims.map((service) => service.start()));
      outages.push({ killedAt, backAt: performance.now() });
      keepApart();
      // Its second choice going down and up is no change of stage: the route stands at its first.
      if (victim !== 'mongodb') await alerts.waitFor(/ is back .* to queue/, cycle, RETURN_TIMEOUT_MS);
      say(`outage ${cycle}: before ${JSON.stringify(inBrief(before))}, during ${JSON.stringify(inBrief(during))}`);
    }
    stopTraffic();
    await sleep(1_000);
    const { isFlushed } = await traffic.done();
    if (traffic.firstFailure !== undefined) say(traffic.firstFailure);
    if (!isFlushed) throw new Error('the application could not deliver all of it');
    await endProcess(application, 'SIGTERM');
    return {
      victim,
      requests: traffic.answered.size,
      failedRequests: traffic.failed,
      before: inBrief(before),
      during: inBrief(during),
      p99: ratioOf('p99', during, before),
      threadCost: ratioOf('threadMicros', during, before),
      alerts: alerts.texts.map((alert) => placeOf(alert, outages)),
      ...(await judge(queue, database, traffic.answered)),
    };
  } catch (error) {
    say(`the application's log: ${logFile}`);
    throw error;
  } finally {
    letRest();
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

/** The outage to which an alert belongs, and how long after its begin and its end it came. */
function placeOf({ at, text }: { readonly at: number; readonly text: string }, outages: readonly Outage[]): Alert {
  const cycle = Math.max(1, outages.findLastIndex(({ killedAt }) => killedAt <= at) + 1);
  const { killedAt, backAt } = outages[cycle - 1] ?? { killedAt: Number.NaN, backAt: Number.NaN };
  return { cycle, afterKill: seconds(at - killedAt), ...(at >= backAt && { afterReturn: seconds(at - backAt) }), text };
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** Writes the queue into MongoDB, and compares what stands there with what was answered. */
async function judge(queue: OwnService, database: OwnService, answered: ReadonlySet<number>) {
  const lines = queue.name === 'kafka' ? await readKafka(queue.address, TOPIC) : await readRedis(queue.url, TOPIC);
  const sink = await createSink({ uri: database.url }, { notice: () => {} });
  let doublesOnTheWire = 0;
  for (let from = 0; from < lines.length; from += 500) {
    const part = lines.slice(from, from + 500).map((line) => Buffer.from(line));
    const body = Buffer.concat(part.flatMap((line) => [line, Buffer.from('\n')]));
    const outcome = await waitFor('MongoDB to take what was in the queue', async () => {
      const answer = await sink.send({ lines: part, body }, AbortSignal.timeout(30_000));
      if (answer.kind === 'retry') return undefined;
      if (answer.kind !== 'delivered') throw new Error(`MongoDB answered ${JSON.stringify(answer)}`);
      return answer;
    });
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
