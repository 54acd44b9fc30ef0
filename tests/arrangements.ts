/** Settings for one arrangement over the services that all tests share, with names of its own in each of them. */
import { randomBytes } from 'node:crypto';
import { needService } from './services.ts';

export type QueueName = 'redis' | 'kafka';
export type StoreName = 'mongodb' | 'clickhouse' | 'embedded';

export interface Arrangement {
  /** `kafka + clickhouse`. */
  readonly title: string;
  /** `undefined` where one of its services isn't here. */
  readonly settings: Readonly<Record<string, string>> | undefined;
}

/**
 * Starts what is needed, and says how an application or a server is told to use it.
 *
 * @throws Error where a service isn't installed and `CI` is set.
 */
export async function arrange(queue: QueueName, store: StoreName): Promise<Arrangement> {
  const name = `arrangement_${randomBytes(6).toString('hex')}`;
  const queueSettings = await settingsOfQueue(queue);
  const storeSettings = await settingsOfStore(store, name);
  const title = `${queue} + ${store}`;
  if (queueSettings === undefined || storeSettings === undefined) return { title, settings: undefined };
  const names = { MQ_LOG_TOPIC: name, MQ_CONSUMER_GROUP: name };
  return { title, settings: { MQ_ENABLED: 'true', ...names, ...queueSettings, ...storeSettings } };
}

async function settingsOfQueue(queue: QueueName): Promise<Record<string, string> | undefined> {
  const service = await needService(queue);
  if (service === undefined) return undefined;
  return queue === 'redis'
    ? { MQ_TYPE: 'redis', REDIS_URL: service.url }
    : { MQ_TYPE: 'kafka', MQ_BROKER_ADDRESS: service.address };
}

async function settingsOfStore(store: StoreName, name: string): Promise<Record<string, string> | undefined> {
  if (store === 'embedded') return {};
  const service = await needService(store);
  if (service === undefined) return undefined;
  const address = new URL(service.url);
  address.pathname = `/${name}`;
  return store === 'mongodb'
    ? { STORAGE_TYPE: 'mongodb', MONGODB_URI: address.href }
    : { STORAGE_TYPE: 'clickhouse', CLICKHOUSE_URL: address.href };
}
