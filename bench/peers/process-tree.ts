/** Processor time of a process and all that it has started, from Linux's /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts it in hundredths of a second, whatever its clock. */
const TICK_MS = 10;

interface Seen {
  readonly parent: number;
  readonly cpuMs: number;
}

/** User and system time of all threads, and of children that have ended. */
export function treeCpuMs(pid: number): number {
  const seen = new Map<number, Seen>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? look(Number(name)) : undefined;
    if (found !== undefined) seen.set(Number(name), found);
  }
  const isOurs = (one: number): boolean => {
    for (let at: number | undefined = one; at !== undefined && at > 1; at = seen.get(at)?.parent)
      if (at === pid) return true;
    return false;
  };
  if (!seen.has(pid)) throw new Error(`process ${pid} has ended`);
  let cpuMs = 0;
  for (const [one, { cpuMs: own }] of seen) if (isOurs(one)) cpuMs += own;
  return cpuMs;
}

function look(pid: number): Seen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the name in brackets may hold anything; then state, parent, …, and the times from the 14th field on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
  } catch {
    return undefined;
  }
}
