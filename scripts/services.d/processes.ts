/** Processes that outlive the one that started them, told apart from later ones with the same number by their start time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from './service.ts';
import { needProgram } from './software.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, in the kernel's ticks: a later process with the same number has another. */
  readonly born: string;
}

export interface StartOptions {
  readonly folder: string;
  /** Receives stdout and stderr, from its beginning. */
  readonly logFile: string;
  /** It gets SIGKILL when the process that starts it ends, however that ends. */
  readonly endsWithParent: boolean;
}

export async function startProcess(command: Command, options: StartOptions): Promise<ProcessIdentity> {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  const log = openSync(options.logFile, 'w');
  const [file, args] = options.endsWithParent
    ? [needProgram('setpriv', 'Debian: util-linux'), ['--pdeathsig', 'KILL', command.file, ...command.args]]
    : [command.file, command.args];
  try {
    const child = spawn(file, args, {
      cwd: options.folder,
      env: { ...environment, ...command.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    await once(child, 'spawn');
    child.unref();
    if (child.pid === undefined) throw new Error(`${command.file} has no process id`);
    return { pid: child.pid, born: look(child.pid)?.born ?? '' };
  } finally {
    closeSync(log);
  }
}

export function isRunning({ pid, born }: ProcessIdentity): boolean {
  const seen = look(pid);
  return seen !== undefined && seen.born === born && seen.state !== 'Z' && seen.state !== 'X';
}

/**
 * Sends a signal and waits until the process is gone: its ports and locks are free then. One that takes longer than
 * `patienceMs` over it gets SIGKILL.
 */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  patienceMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  let sent: NodeJS.Signals | undefined;
  while (!isGone(identity)) {
    const due = sent === undefined ? signal : Date.now() > deadline ? 'SIGKILL' : sent;
    if (due !== sent && isRunning(identity)) process.kill(identity.pid, due);
    sent = due;
    if (Date.now() > deadline + patienceMs) throw new Error(`process ${identity.pid} doesn't end, not even by SIGKILL`);
    await sleep(20);
  }
}

/** A zombie that nobody has reaped counts as gone when its last thread has ended; before that it may hold ports. */
function isGone({ pid, born }: ProcessIdentity): boolean {
  const seen = look(pid);
  return seen === undefined || seen.born !== born || (seen.state === 'Z' && seen.threads === 1);
}

function look(pid: number): { state: string; threads: number; born: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the name in brackets may hold anything; state is the third field, threads the 20th, start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', threads: Number(fields[17]), born: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
