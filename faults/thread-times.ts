/**
 * What a process's threads did: how long they ran, and how long they were ready and another had the processor. On a machine
 * that does other things too, the first tells what a program costs, and the second what the others cost it. Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds since the thread began. */
export interface ThreadTimes {
  /** The thread that answers requests. */
  readonly mainRan: number;
  readonly mainWaited: number;
  /** All others: delivery, garbage collection, files. */
  readonly othersRan: number;
}

export function readThreadTimes(pid: number): ThreadTimes {
  let mainRan = 0;
  let mainWaited = 0;
  let othersRan = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [ran = 0, waited = 0] = timesOf(`/proc/${pid}/task/${thread}/schedstat`);
    if (Number(thread) === pid) {
      mainRan = ran;
      mainWaited = waited;
    } else {
      othersRan += ran;
    }
  }
  return { mainRan, mainWaited, othersRan };
}

function timesOf(path: string): readonly number[] {
  try {
    return readFileSync(path, 'utf8')
      .split(' ')
      .map((nanoseconds) => Number(nanoseconds) / 1e6);
  } catch {
    // The thread has ended since it was listed.
    return [];
  }
}
