import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** So much nicer than the application. Where both want the only processor, a thread with it gets a quarter (sched(7): a weight of 335 beside 1024). */
export const BEHIND = 5;

/**
 * Lets the thread that calls this step behind the others of its process, which keep their priority; threads that it starts from then on
 * step behind with it. Linux alone schedules threads by a priority of their own (setpriority(2), "C library/kernel
 * differences"); elsewhere nothing happens, and likewise where /proc can't be read.
 */
export function stepBehind(): void {
  try {
    // `PID/task/TID`, see proc_pid_task(5).
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    if (!Number.isSafeInteger(thread) || thread <= 0 || thread === process.pid) return;
    setPriority(thread, Math.min(getPriority(thread) + BEHIND, constants.priority.PRIORITY_LOW));
  } catch {
    // It delivers all the same.
  }
}
