/** The queue on Redis Streams: the library's writing half, and a reader in a group (redis-reader.ts). */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BrokerError, openRedisConnections, type RedisOptions } from 'tailrace/sinks/redis';
import { publishLines } from './publish-lines.ts';
import type { Queue } from './queue.ts';
import { RedisDepth } from './redis-depth.ts';
import { RedisReader } from './redis-reader.ts';

export interface RedisQueueOptions extends RedisOptions {
  /** The group of writers that shares the stream. @defaultValue `tailrace-writers` */
  readonly group?: string;
  /** This reader's name in its group; no other may have it. @defaultValue host, process id and a random part */
  readonly consumer?: string;
  /** False where this process only publishes: no reader joins the group. @defaultValue true */
  readonly reads?: boolean;
  /** A reader that isn't heard of for so long is dead, and its entries go to others, in milliseconds. @defaultValue 15000 */
  readonly leaseMs?: number;
  /** Lines read ahead of the writer, and the lines of one batch, in bytes. @defaultValue 8 MiB */
  readonly bufferBytes?: number;
  /** A longer line is a dead letter, in bytes. @defaultValue 8 MiB */
  readonly maxLineBytes?: number;
  /** So many lines may be in the writer's hands before more are read. @defaultValue 500000 */
  readonly maxUnacknowledgedLines?: number;
  /** @defaultValue nothing is told */
  readonly log?: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

const MIB = 1024 * 1024;

/**
 * A Redis that is away is no error here: `publish` and `read` tell of it, and work again when it is back.
 *
 * @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed.
 */
export async function openRedisQueue(options: RedisQueueOptions): Promise<Queue> {
  const {
    group = 'tailrace-writers',
    consumer = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`,
    reads = true,
    leaseMs = 15_000,
    bufferBytes = 8 * MIB,
    maxLineBytes = 8 * MIB,
    maxUnacknowledgedLines = 500_000,
    log = () => {},
    now = Date.now,
    ...redis
  } = options;
  const { settings, publisher, connect } = await openRedisConnections(redis, (_, message) => log('warn', message));
  const { stream, createStream, publishTimeoutMs: timeoutMs } = settings;
  const connection = connect();
  const depth = new RedisDepth({ connection, stream, group, timeoutMs, trims: reads, now });
  const reader = reads
    ? new RedisReader({
        waiting: connect(),
        connection,
        stream,
        group,
        consumer,
        createStream,
        leaseMs,
        timeoutMs,
        bufferBytes,
        maxLineBytes,
        maxUnacknowledged: maxUnacknowledgedLines,
        depth,
        log,
      })
    : undefined;

  return {
    placeIn: 'broker',
    async publish(lines) {
      const bytes = await publishLines(publisher, lines);
      depth.noteSize(lines.length, bytes);
      depth.notePublished(lines.length);
    },
    seek: () => Promise.resolve(),
    read(maxLines, waitMs, signal, isMore = false) {
      if (reader === undefined) throw new BrokerError('FAILED', 'this queue was opened with `reads: false`');
      return reader.read(maxLines, waitMs, signal, isMore);
    },
    acknowledge: async (position) => reader?.acknowledge(position),
    stats: () => depth.stats(),
    async close() {
      depth.close();
      await reader?.close();
      connection.close();
      await publisher.close();
    },
  };
}
