/** The queue that the settings name. Only its module is loaded, and with it only its driver. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { LiveConfig } from '../live-config.ts';
import type { Log } from '../log.ts';
import type { Queue } from '../queue/queue.ts';
import { openSpoolQueue } from '../queue/spool-queue.ts';

/** @param from - the place in the store's checkpoint */
export function openLocalSpool(config: LiveConfig, from: string | undefined, log: Log): Promise<Queue> {
  return openSpoolQueue({
    directory: join(config.dataDir, 'queue'),
    fsync: config.fsync,
    maxBytes: config.queueMaxBytes,
    from,
    onNotice: ({ code, message }) => log('warn', `queue: ${message} (${code})`),
  });
}

/** @returns `undefined` where the settings name none. */
export async function openBroker(config: LiveConfig, log: Log): Promise<Queue | undefined> {
  const { queue, roles } = config.arrangement;
  const common = {
    group: config.mqGroup,
    reads: roles.includes('write'),
    publishTimeoutMs: config.mqTimeoutMs,
    log,
  };
  if (queue === 'kafka') {
    const { openKafkaQueue } = await import('../queue/kafka.ts');
    return openKafkaQueue({
      ...common,
      brokers: config.mqBrokers,
      topic: config.mqTopic,
      readerName: readerNameOf(config),
      askedBy: askedBy(config),
    });
  }
  if (queue === 'redis') {
    const { openRedisQueue } = await import('../queue/redis-streams.ts');
    return openRedisQueue({ ...common, url: redisUrl(config), stream: config.mqTopic, askedBy: askedBy(config) });
  }
  return undefined;
}

/** The same for every process that this server is, one after the other: a data folder belongs to one server. */
function readerNameOf({ dataDir }: LiveConfig): string {
  const place = `${hostname()}\n${resolve(dataDir)}`;
  return `tailrace-${createHash('sha256').update(place).digest('hex').slice(0, 24)}`;
}

function askedBy({ storageType, mqType }: LiveConfig): string {
  return storageType === 'kafka' ? 'STORAGE_TYPE=kafka' : `MQ_TYPE=${mqType ?? ''}`;
}

export function redisUrl(config: Pick<LiveConfig, 'redisUrl' | 'redisHost' | 'redisPort' | 'mqBrokers'>): string {
  if (config.redisUrl !== undefined) return config.redisUrl;
  if (config.redisHost !== undefined) {
    const host = config.redisHost.includes(':') ? `[${config.redisHost}]` : config.redisHost;
    return `redis://${host}:${config.redisPort}`;
  }
  return `redis://${config.mqBrokers[0] ?? '127.0.0.1:6379'}`;
}
