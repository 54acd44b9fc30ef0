/**
 * One contender in a process of its own: does the work, logs it, and prints as one line of JSON what it cost and how many
 * lines are in its files at the end.
 *
 *   node --import tsx cases/measure-contender.ts NAME FOLDER REQUESTS
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.ts';
import { CONTENDERS, isContender } from '../contenders/index.ts';

export interface ContenderCost {
  /** Processor time of the application's thread per request, in µs. */
  readonly threadUs: number;
  /** Processor time of all threads of the process per request, in µs. */
  readonly processUs: number;
  /** Lines in all files of the contender when it was closed. */
  readonly lines: number;
}

/** Requests that are under way at once: what a service under load has in one turn of the event loop. */
const CONCURRENCY = 10;
export const WARM_UP = 5_000;

/** Microseconds that this thread has been on a processor: from Linux's scheduler, elsewhere from the newer Nodes. */
function threadCpuUs(): number {
  if (process.platform === 'linux') {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3;
  }
  if ('threadCpuUsage' in process && typeof process.threadCpuUsage === 'function') {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  }
  throw new Error('the processor time of one thread needs Linux, or Node 23.9 and above');
}

async function doRequests(contender: Contender, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += CONCURRENCY) {
    const turn: Promise<void>[] = [];
    for (let i = n; i < Math.min(n + CONCURRENCY, to); i += 1) turn.push(contender.request(i));
    await Promise.all(turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function countLines(folder: string): number {
  let lines = 0;
  for (const { name, parentPath } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())) {
    for (const byte of readFileSync(join(parentPath, name))) if (byte === 0x0a) lines += 1;
  }
  return lines;
}

async function main([name = '', folder = '', count = '']: readonly string[]): Promise<void> {
  const requests = Number(count);
  if (!isContender(name) || !Number.isInteger(requests)) {
    throw new Error(
      `usage: measure-contender NAME FOLDER REQUESTS, with NAME one of ${Object.keys(CONTENDERS).join(', ')}`,
    );
  }
  const contender = await (await CONTENDERS[name]())(folder);
  await doRequests(contender, 0, WARM_UP);
  const threadBefore = threadCpuUs();
  const processBefore = process.cpuUsage();
  await doRequests(contender, WARM_UP, WARM_UP + requests);
  const thread = threadCpuUs() - threadBefore;
  const all = process.cpuUsage(processBefore);
  await contender.close();
  const cost: ContenderCost = {
    threadUs: thread / requests,
    processUs: (all.user + all.system) / requests,
    lines: countLines(folder),
  };
  console.log(JSON.stringify(cost));
  process.exit(0);
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
