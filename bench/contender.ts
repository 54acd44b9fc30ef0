/**
 * One contender, in a process of its own: does the work, logs it, and prints what it cost as one line of JSON.
 *
 *   node --import tsx contender.ts NAME FOLDER REQUESTS
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import pino from 'pino';
import { createTailrace, fileSink } from 'tailrace';
import { paymentRequest, STEPS, work } from './work.ts';

interface Contender {
  request(n: number): Promise<void>;
  close(): Promise<void>;
}

/** Requests that are under way at once: what a service under load has in one turn of the event loop. */
const CONCURRENCY = 10;

const contenders: Record<string, (folder: string) => Contender> = {
  nothing: () => ({
    async request(n) {
      paymentRequest(n);
      for (const _ of STEPS) await work();
    },
    async close() {},
  }),

  tailrace: (folder) => tailrace(folder, {}),
  'tailrace without redaction': (folder) => tailrace(folder, { redaction: false }),

  'pino sync': (folder) => {
    const destination = pino.destination({ dest: join(folder, 'pino.ndjson'), sync: true });
    const log = pino({ base: { service: 'payments', version: '1.0.0', environment: 'bench' } }, destination);
    return {
      async request(n) {
        const { attributes, user, ...request } = paymentRequest(n);
        const started = performance.now();
        const steps = [];
        for (const step of STEPS) {
          const stepStarted = performance.now();
          await work();
          steps.push({ ...step, duration_ms: performance.now() - stepStarted, outcome: 'ok' });
        }
        log.info({ ...request, ...attributes, user, status: 200, duration_ms: performance.now() - started, steps });
      },
      async close() {
        destination.flushSync();
        destination.end();
      },
    };
  },
};

/** One wide event for each request; all are kept, on disk, and delivered to a file by the worker thread. */
function tailrace(folder: string, options: { readonly redaction?: false }): Contender {
  const log = createTailrace({
    service: 'payments',
    version: '1.0.0',
    environment: 'bench',
    dataDir: folder,
    sampling: { normalRate: 1 },
    routes: [{ name: 'file', sinks: [fileSink({ path: join(folder, 'tailrace.ndjson') })] }],
    ...options,
  });
  return {
    request(n) {
      const { attributes, user, ...request } = paymentRequest(n);
      return log.run(request, async () => {
        log.set({ user, ...attributes });
        for (const { name, service } of STEPS) await log.step(name, { service }, work);
        log.set({ status: 200 });
      });
    },
    async close() {
      await log.close(1000);
    },
  };
}

/** Nanoseconds that this thread has been on a processor, from Linux's scheduler. */
function threadCpuNs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]);
}

async function doRequests(contender: Contender, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += CONCURRENCY) {
    const turn: Promise<void>[] = [];
    for (let i = n; i < Math.min(n + CONCURRENCY, to); i += 1) turn.push(contender.request(i));
    await Promise.all(turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const [name = '', folder = '', count = ''] = process.argv.slice(2);
const create = contenders[name];
const requests = Number(count);
if (create === undefined || !Number.isInteger(requests)) {
  throw new Error(`usage: contender NAME FOLDER REQUESTS, with NAME one of ${Object.keys(contenders).join(', ')}`);
}
const contender = create(folder);
await doRequests(contender, 0, 5_000);
const threadBefore = threadCpuNs();
const processBefore = process.cpuUsage();
await doRequests(contender, 5_000, 5_000 + requests);
const thread = threadCpuNs() - threadBefore;
const all = process.cpuUsage(processBefore);
console.log(JSON.stringify({ threadUs: thread / 1e3 / requests, processUs: (all.user + all.system) / requests }));
await contender.close();
process.exit(0);
