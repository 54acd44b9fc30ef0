import type { FuzzTarget } from './target.ts';

const SMALL = 4_000;
const FACTOR = 16;
/** What is linear grows by 16, what is quadratic by 256. */
const MOST = 96;
/** Processor time below this is noise. Microseconds. */
const FLOOR_US = 1_000;
const TRIES = 3;

/**
 * Compares the processor time for a text with that for one sixteen times as long: the least of a few tries, so that a busy
 * machine doesn't matter.
 *
 * @throws Error where it grows by far more than the text
 */
export async function checkGrowth(target: FuzzTarget): Promise<void> {
  for (const [i, make] of (target.growing ?? []).entries()) {
    const small = await leastCpu(target, make(SMALL));
    const large = await leastCpu(target, make(SMALL * FACTOR));
    if (large > Math.max(small, FLOOR_US) * MOST) {
      throw new Error(`${target.name}, growing text ${i}: ${small} µs for ${SMALL}, ${large} µs for ${SMALL * FACTOR}`);
    }
  }
}

async function leastCpu(target: FuzzTarget, input: Buffer): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i += 1) {
    const before = process.cpuUsage();
    await target.check(input);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least;
}
