/**
 * An application apart from its broker and its database, as where those run on other machines: it has the first processor
 * for itself, and all else shares the others, where who measures goes first. So what is measured is what the outage of a
 * broker does to the application, and not what a database's work does to whoever shares its processor. Linux, `taskset(1)`;
 * going first needs `chrt(1)` and the right to real time, which root has.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';

const LOW_PRIORITY = 10;

/** Leaves the first processor; whatever this process starts from now on leaves it, too. And goes first on the others. */
export function leaveFirstProcessor(): void {
  const processors = availableParallelism();
  if (process.platform !== 'linux' || processors < 2) throw new Error('--apart needs Linux and two processors');
  bind(process.pid, `1-${processors - 1}`);
  goFirst();
}

/**
 * Priority alone isn't enough: a thread that has the processor keeps it until the next tick of the clock, 4 ms later, and so long
 * an answer that has arrived would wait to be read.
 */
function goFirst(): void {
  const realTime = ['--rr', '--reset-on-fork', '--all-tasks', '--pid', '1', String(process.pid)];
  try {
    execFileSync('chrt', realTime, { stdio: 'ignore' });
  } catch {
    console.error('real time is not to be had here: latencies hold what the one who measures waits for a processor');
  }
}

export function takeFirstProcessor(pid: number): void {
  bind(pid, '0');
}

function bind(pid: number, processors: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processors, String(pid)], { stdio: 'ignore' });
}

/** Lets every process that this one started step behind it, except for one. */
export function putBehind(except: number): void {
  for (const pid of descendants(process.pid)) {
    if (pid === except) continue;
    for (const thread of list(`/proc/${pid}/task`)) {
      try {
        setPriority(Number(thread), LOW_PRIORITY);
      } catch {
        // The thread has ended since it was listed.
      }
    }
  }
}

function descendants(pid: number): number[] {
  return list(`/proc/${pid}/task`).flatMap((thread) => {
    const children = read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
