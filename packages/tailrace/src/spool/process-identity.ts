import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from './segment.ts';

/**
 * Which process it is, beyond its pid, which the system gives out again: the time of its start (in clock ticks since the
 * boot), the boot, and the pid namespace (a container has its own). What this system doesn't tell is empty.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
  readonly boot: string;
  readonly pidNamespace: string;
  readonly host: string;
}

/** `unknown` where the process can't be seen from here: in another container, on another machine, or on a system without /proc. */
export type Liveness = 'alive' | 'dead' | 'unknown';

export function identifySelf(): ProcessIdentity {
  return { pid: process.pid, startedAt: statOf('self')?.startedAt ?? '', ...place() };
}

export function livenessOf(identity: ProcessIdentity): Liveness {
  const here = place();
  const isSameKernel = here.boot !== '' && here.boot === identity.boot && here.pidNamespace === identity.pidNamespace;
  if (isSameKernel) {
    const stat = statOf(identity.pid);
    if (stat === undefined) return isPidFree(identity.pid) ? 'dead' : 'unknown';
    return stat.isRunning && stat.startedAt === identity.startedAt ? 'alive' : 'dead';
  }
  const isSameSystem = here.boot === '' && identity.boot === '' && here.host === identity.host;
  return isSameSystem && isPidFree(identity.pid) ? 'dead' : 'unknown';
}

function place(): Pick<ProcessIdentity, 'boot' | 'pidNamespace' | 'host'> {
  return {
    boot: readOrEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOrEmpty(() => readlinkSync('/proc/self/ns/pid')),
    host: hostname(),
  };
}

function statOf(pid: number | 'self'): { readonly isRunning: boolean; readonly startedAt: string } | undefined {
  const text = readOrEmpty(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The second field is the command in brackets, and may itself hold blanks and brackets: see proc_pid_stat(5).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startedAt = fields[19];
  if (state === undefined || state === '' || startedAt === undefined) return undefined;
  // A zombie (Z) has ended, and only waits for its parent to ask how.
  return { isRunning: state !== 'Z' && state !== 'X', startedAt };
}

function isPidFree(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
