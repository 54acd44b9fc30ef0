import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `task` while no other process runs one of the same name. The lock is a name in Linux's abstract socket namespace:
 * the kernel gives it back when its holder ends, however that ends, so no stale lock is ever left.
 *
 * @throws Error when others hold it for longer than `patienceMs`.
 */
export async function inTurn<T>(name: string, patienceMs: number, task: () => Promise<T>): Promise<T> {
  const path = `\0tailrace-services-${createHash('sha256').update(name).digest('hex')}`;
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const lock = createServer().listen(path);
    try {
      await once(lock, 'listening');
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
      if (Date.now() > deadline) throw new Error(`another process has been busy with ${name} for ${patienceMs} ms`);
      await sleep(50);
      continue;
    }
    try {
      return await task();
    } finally {
      lock.close();
    }
  }
}
