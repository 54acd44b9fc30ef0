/** The queue of a process that takes events in: the spool alone, or a broker with the spool behind it. */
import { BREAKER_PRESETS, createClock } from 'tailrace/delivery';
import { FallbackQueue } from '../fallback/fallback-queue.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Log } from '../log.ts';
import type { Queue } from '../queue/queue.ts';
import type { Bury } from '../sources/bury.ts';
import { openLocalSpool } from './open-queue.ts';

/** Told by the queue, heard by the report of its stage, which needs the queue. */
export interface ChangeBell {
  ring: () => void;
}

export const fallbackClock = createClock(true);

export async function openFallback(
  broker: Queue,
  bell: ChangeBell,
  { config, bury, log }: { readonly config: LiveConfig; readonly bury: Bury; readonly log: Log },
): Promise<FallbackQueue> {
  const { roles, isStoreShared } = config.arrangement;
  const queue = new FallbackQueue({
    broker,
    spool: await openLocalSpool(config, undefined, log),
    readsBroker: roles.includes('write'),
    hasStore: roles.includes('write') || isStoreShared,
    breaker: BREAKER_PRESETS[config.fallback],
    clock: fallbackClock,
    bury: (lines) => bury(lines, 'queue', config.arrangement.queue),
    onChange: () => bell.ring(),
    log,
  });
  queue.start();
  return queue;
}
