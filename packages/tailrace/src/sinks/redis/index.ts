/** Events to a stream of Redis. */
import type { Sink, SinkContext } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import type { BrokerPublisher } from '../broker-error.ts';
import { brokerSink } from '../broker-sink.ts';
import { loadRedis, RedisConnection } from './driver.ts';
import { type RedisOptions, readRedisOptions } from './options.ts';
import { RedisPublisher } from './publisher.ts';

export { BrokerError, type BrokerErrorCode, type BrokerPublisher, type RefusedLine } from '../broker-error.ts';
export { MissingDriverError } from '../import-driver.ts';
export type { RedisOptions } from './options.ts';

/**
 * Sends events to a stream of Redis, from which a Tailrace server, or anybody else, reads them. Needs the package
 * `@redis/client`, and a Redis that keeps what it takes: `appendonly yes`, `maxmemory-policy noeviction`.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'queue', sinks: [redisSink({ url: 'redis://127.0.0.1:6379' })] }] });
 * ```
 */
export function redisSink(options: RedisOptions): SinkSpec {
  return {
    kind: 'module',
    name: options.name ?? 'redis',
    module: import.meta.url,
    options,
    takesLedger: true,
  };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed. */
export async function createSink(options: unknown, context: SinkContext): Promise<Sink> {
  const settings = readRedisOptions(options);
  const connection = new RedisConnection(settings, await loadRedis(settings));
  return brokerSink(settings.name, new RedisPublisher(settings, connection, context.notice), context);
}

/**
 * The writing half on its own, as a server's queue uses it.
 *
 * @param notice - hears once for each connection when this Redis does not keep what it takes
 * @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed.
 */
export async function openRedisPublisher(
  options: RedisOptions,
  notice: (code: string, message: string) => void = () => {},
): Promise<BrokerPublisher> {
  const settings = readRedisOptions(options);
  return new RedisPublisher(settings, new RedisConnection(settings, await loadRedis(settings)), notice);
}
