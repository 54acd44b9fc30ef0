import type { RedisOptions } from 'tailrace/sinks/redis';
import type { Queue } from './queue.ts';

export interface RedisQueueOptions extends RedisOptions {
  /** The group of writers that shares the stream. @defaultValue `tailrace-writers` */
  readonly group?: string;
  /** This reader's name in its group; must be its own. @defaultValue host, process id and a random part */
  readonly consumer?: string;
  /** False where this process only publishes: no reader joins the group. @defaultValue true */
  readonly reads?: boolean;
  /** A reader that isn't heard of for so long is dead, and its entries go to others, in milliseconds. @defaultValue 15000 */
  readonly leaseMs?: number;
  /** Lines of one read, in bytes. @defaultValue 8 MiB */
  readonly batchBytes?: number;
  /** A longer line is a dead letter. @defaultValue 8 MiB */
  readonly maxLineBytes?: number;
  readonly log?: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

/** @throws Error where the driver isn't installed or the options are wrong; a Redis that is away is no error. */
export async function openRedisQueue(_options: RedisQueueOptions): Promise<Queue> {
  throw new Error('the Redis queue is being written');
}
