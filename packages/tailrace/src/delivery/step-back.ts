/**
 * Where both want the same processor, the application's threads go first.
 *
 * Linux keeps a priority for each thread (`sched(7)`, "the nice value"), and a thread hands its own down to those that it
 * starts, so what a driver starts steps back too. Elsewhere the priority is the whole process's, and is left alone.
 */
import { stat } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * What is added to the nice value. With 5 a thread gets a quarter of a processor that another one wants whole: enough to
 * deliver, and hardly noticed.
 */
const NICENESS = 5;
const NICEST = 19;

/** To be called in the delivery's own thread. */
export function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Math.min(getPriority() + NICENESS, NICEST));
  } catch {
    // A sandbox that forbids it: then all threads are alike.
  }
}

/**
 * To be called in the application's thread, before the delivery's begins. Node starts its pool for files and names with the
 * first work for it; where that came from the delivery, the application's files would step back as well.
 */
export function startSharedThreads(directory: string): void {
  if (process.platform === 'linux') stat(directory, () => {});
}
