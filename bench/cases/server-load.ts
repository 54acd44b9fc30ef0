/**
 * One load of one server: a warm-up that isn't measured (compilers get to know the code), then the events in batches over
 * four connections, then waiting until a query finds all of them. What counts is processor time of the server's processes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningPeer, ServerPeer } from '../peers/peer.ts';
import { treeCpuMs } from '../peers/process-tree.ts';
import { type Dataset, readBatches } from './server-events.ts';

const CONNECTIONS = 4;
const POLL_MS = 500;
const FOUND_WITHIN_MS = 120_000;

export interface Load {
  /** Until a query finds all events. */
  readonly cpuUsPerEvent: number;
  readonly wallMs: number;
}

export interface LoadedPeer {
  readonly peer: RunningPeer;
  readonly load: Load;
  close(): Promise<void>;
}

export async function loadPeer(peer: ServerPeer, warmUp: Dataset, events: Dataset): Promise<LoadedPeer> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-bench-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  let running: RunningPeer | undefined;
  try {
    running = await peer.start(folder);
    await writeAll(running, warmUp);
    await untilFound(running, warmUp.events);
    const cpuBeforeMs = treeCpuMs(running.pid);
    const startedMs = performance.now();
    await writeAll(running, events);
    await untilFound(running, warmUp.events + events.events);
    const cpuMs = treeCpuMs(running.pid) - cpuBeforeMs;
    const found = running;
    return {
      peer: found,
      load: { cpuUsPerEvent: (1000 * cpuMs) / events.events, wallMs: performance.now() - startedMs },
      close: async () => {
        await found.close();
        await remove();
      },
    };
  } catch (error) {
    await running?.close();
    await remove();
    throw error;
  }
}

async function writeAll(peer: RunningPeer, { file }: Dataset): Promise<void> {
  const batches = readBatches(file);
  const connection = async (): Promise<void> => {
    for (;;) {
      const next = await batches.next();
      if (next.done === true) return;
      await peer.write(next.value);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
}

async function untilFound(peer: RunningPeer, events: number): Promise<void> {
  const deadline = Date.now() + FOUND_WITHIN_MS;
  for (;;) {
    const found = await peer.count();
    if (found === events) return;
    if (found > events) throw new Error(`${peer.name} finds ${found} events of ${events}`);
    if (Date.now() > deadline)
      throw new Error(`${peer.name} finds ${found} of ${events} events after ${FOUND_WITHIN_MS} ms`);
    await sleep(POLL_MS);
  }
}
