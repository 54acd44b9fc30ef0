/**
 * Preloaded into the demo's child processes: they have a process group of their own, so that Ctrl-C reaches only the demo,
 * which then stops them in the right order. Should the demo die, they notice and stop too.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}
