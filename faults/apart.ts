/**
 * An application apart from its broker and its database, as where those run on other machines: it has the first processor
 * for itself, and all else shares the others, where who measures goes first. So what is measured is what the outage of a
 * broker does to the application, and not what a database's work does to whoever shares its processor. Linux, `taskset(1)`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';

const LOW_PRIORITY = 10;

/** Leaves the first processor; whatever this process starts from now on leaves it, too. */
export function leaveFirstProcessor(): void {
  const processors = availableParallelism();
  if (process.platform !== 'linux' || processors < 2) throw new Error('--apart needs Linux and two processors');
  bind(process.pid, `1-${processors - 1}`);
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
