/**
 * Keeps the processors from resting while something is measured, as `idle=poll` does for a kernel: one loop for each processor,
 * in the class in which it only gets what nobody else wants (SCHED_IDLE, sched(7)).
 *
 * On a virtual machine each rest gives the processor back to the machine below, and each request that comes after it waits
 * until the processor is had again; how long is up to others. Whoever rests less would look faster. Linux with `chrt(1)` and `taskset(1)`; elsewhere
 * nothing happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpus } from 'node:os';

/** Ends by itself when the process that asked for it is gone. */
const LOOP = 'while kill -0 "$0"; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done 2>/dev/null';

/** Returns what lets the processors rest again. */
export function stayAwake(): () => void {
  if (process.platform !== 'linux') return () => {};
  const loops = cpus().map((_, processor) => startLoop(processor));
  return () => {
    for (const loop of loops) loop.kill('SIGKILL');
  };
}

function startLoop(processor: number): ChildProcess {
  const placed = ['--cpu-list', String(processor), 'chrt', '--idle', '0', 'sh', '-c', LOOP, String(process.pid)];
  const loop = spawn('taskset', placed, { stdio: 'ignore' });
  loop.on('error', () => {});
  loop.unref();
  return loop;
}
