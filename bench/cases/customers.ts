/** Requests to a program under test, and how long each took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../statistics.ts';
import { Connections } from './connections.ts';

const PATH = '/payments/7';

export interface Asked {
  /** Milliseconds of each request, in the order in which they were answered. */
  readonly tookMs: readonly number[];
  readonly seconds: number;
}

/** Asks on so many connections, each one request after the other, as long as `goesOn` holds. */
export async function askInTurns(
  port: number,
  connections: number,
  goesOn: (answered: number) => boolean,
): Promise<Asked> {
  const program = new Connections(port, PATH);
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const customer = async (): Promise<void> => {
    while (goesOn(tookMs.length)) {
      const askedMs = performance.now();
      await program.ask();
      tookMs.push(performance.now() - askedMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, customer));
  const seconds = (performance.now() - startedMs) / 1000;
  program.close();
  return { tookMs, seconds };
}

/**
 * Asks as customers do who know nothing of each other: with exponential gaps (a Poisson process), the same ones each time,
 * and whether the earlier ones were answered or not. A request's time counts from when it was due, so that one that had to
 * wait for a stalled program is not left out ("coordinated omission", Gil Tene, "How NOT to Measure Latency").
 */
export async function askAtRate(port: number, perSecond: number, seconds: number): Promise<Asked> {
  const program = new Connections(port, PATH);
  const random = createRandom(1);
  const tookMs: number[] = [];
  const asked: Promise<void>[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  for (let dueMs = startedMs; dueMs < endMs; dueMs += (-Math.log(1 - random()) * 1000) / perSecond) {
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    asked.push(program.ask().then(() => void tookMs.push(performance.now() - dueMs)));
  }
  await Promise.all(asked);
  program.close();
  return { tookMs, seconds };
}
