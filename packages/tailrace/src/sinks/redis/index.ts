/** Events to a stream of Redis. */
import type { Sink, SinkContext } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import type { BrokerPublisher } from '../broker-error.ts';
import { brokerSink } from '../broker-sink.ts';
import type { RedisConnection } from './connection.ts';
import { loadRedis, openConnection } from './driver.ts';
import { type RedisOptions, type RedisSettings, readRedisOptions } from './options.ts';
import { RedisPublisher } from './publisher.ts';

export { BrokerError, type BrokerErrorCode, type BrokerPublisher, type RefusedLine } from '../broker-error.ts';
export { MissingDriverError } from '../import-driver.ts';
export type { RedisArgument, RedisCommandOptions, RedisConnection } from './connection.ts';
export type { RedisOptions, RedisSettings } from './options.ts';

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
  return { kind: 'builtin', name: 'redis', options };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed. */
export async function createSink(options: unknown, context: SinkContext): Promise<Sink> {
  const settings = readRedisOptions(options);
  const connection = openConnection(settings, await loadRedis(settings));
  return brokerSink(settings.name, new RedisPublisher(settings, connection, context.notice), context);
}

/**
 * The writing half on its own.
 *
 * @param notice - hears once for each connection when this Redis does not keep what it takes
 * @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed.
 */
export async function openRedisPublisher(
  options: RedisOptions,
  notice: (code: string, message: string) => void = () => {},
): Promise<BrokerPublisher> {
  return (await openRedisConnections(options, notice)).publisher;
}

/** The writing half, and further connections to the same Redis: what a queue on it is made of. */
export interface RedisConnections {
  readonly settings: RedisSettings;
  readonly publisher: BrokerPublisher;
  /** A connection of its own, made when its first command is sent. */
  readonly connect: () => RedisConnection;
}

/** @throws TypeError where the options are wrong, MissingDriverError where `@redis/client` isn't installed. */
export async function openRedisConnections(
  options: RedisOptions,
  notice: (code: string, message: string) => void = () => {},
): Promise<RedisConnections> {
  const settings = readRedisOptions(options);
  const driver = await loadRedis(settings);
  const connect = (): RedisConnection => openConnection(settings, driver);
  return { settings, publisher: new RedisPublisher(settings, connect(), notice), connect };
}
