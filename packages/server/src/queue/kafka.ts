import type { KafkaOptions } from 'tailrace/sinks/kafka';
import type { Queue } from './queue.ts';

export interface KafkaQueueOptions extends KafkaOptions {
  /** The group of writers that shares the topic. @defaultValue `tailrace-writers` */
  readonly group?: string;
  /** False where this process only publishes: no reader joins the group. @defaultValue true */
  readonly reads?: boolean;
  /** A reader that isn't heard of for so long is dead, and its partitions go to others, in milliseconds. @defaultValue 15000 */
  readonly sessionTimeoutMs?: number;
  /** Lines read ahead of the writer, in bytes. @defaultValue 8 MiB */
  readonly bufferBytes?: number;
  /** A longer line is a dead letter. @defaultValue 8 MiB */
  readonly maxLineBytes?: number;
  readonly log?: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

/** @throws Error where the driver isn't installed or the options are wrong; a broker that is away is no error. */
export async function openKafkaQueue(_options: KafkaQueueOptions): Promise<Queue> {
  throw new Error('the Kafka queue is being written');
}
