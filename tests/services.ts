/** Real services for tests: the shared instance of each, or one of a test's own that it may kill. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endInstance, type Instance, sharedInstance, startInstance } from '../scripts/services.d/instance.ts';
import { SERVICES, type ServiceName } from '../scripts/services.d/services.ts';
import { freePort } from './processes.ts';

export interface RunningService {
  readonly name: ServiceName;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  /** What its clients take: `redis://…`, `mongodb://…`, `http://…`; for Kafka the broker's address. */
  readonly url: string;
}

/** A server that one test has for itself. It ends with the test's process, if it isn't closed before. */
export interface OwnService extends RunningService {
  /** `kill -9`. Returns when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM. Returns when it is gone. */
  stop(): Promise<void>;
  /** Starts it again on the same ports and data, and returns when it is ready. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

export interface OwnServiceOptions {
  /** @defaultValue a free one */
  readonly port?: number;
  /** Where its data is; it isn't removed then. @defaultValue a temporary folder, removed by `close` */
  readonly dataDir?: string;
}

/**
 * The service that all tests share, for as long as the machine runs: found by its port (whoever started it, a container
 * for instance), else started. So a test uses topics, keys, collections and tables with names of its own, and doesn't kill
 * it: {@link startService} is for that.
 *
 * @returns undefined, and prints why, where it isn't installed.
 * @throws Error instead where `CI` is set.
 * @example
 * const redis = await needService('redis');
 * describe.skipIf(redis === undefined)('the queue on Redis', () => { … });
 */
export async function needService(name: ServiceName): Promise<RunningService | undefined> {
  const instance = sharedInstance(SERVICES[name]);
  if (await instance.service.isReady(instance.port)) return address(name, instance);
  if (!isAvailable(name)) return undefined;
  await startInstance(instance);
  return address(name, instance);
}

/**
 * A server of the test's own, on ports of its own, which the test may kill, stop and start again.
 *
 * @returns undefined, and prints why, where it isn't installed.
 * @throws Error instead where `CI` is set.
 */
export async function startService(
  name: ServiceName,
  options: OwnServiceOptions = {},
): Promise<OwnService | undefined> {
  if (!isAvailable(name)) return undefined;
  const service = SERVICES[name];
  const folder = await mkdtemp(join(tmpdir(), `tailrace-${name}-`));
  const innerPorts: number[] = [];
  for (let index = 0; index < (service.innerPorts ?? 0); index++) innerPorts.push(await freePort());
  const instance: Instance = {
    service,
    folder,
    dataFolder: options.dataDir ?? join(folder, 'data'),
    port: options.port ?? (await freePort()),
    innerPorts,
    endsWithParent: true,
  };
  await startInstance(instance);
  return {
    ...address(name, instance),
    kill: () => endInstance(instance, 'SIGKILL'),
    stop: () => endInstance(instance, 'SIGTERM'),
    start: () => startInstance(instance),
    close: async () => {
      await endInstance(instance, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isAvailable(name: ServiceName): boolean {
  if (process.platform === 'linux' && SERVICES[name].isInstalled()) return true;
  const line = `${name} is neither running nor installed: scripts/services install ${name}`;
  if (process.env.CI) throw new Error(line);
  console.warn(`skipped: ${line}`);
  return false;
}

function address(name: ServiceName, { service, port }: Instance): RunningService {
  return { name, host: '127.0.0.1', port, address: `127.0.0.1:${port}`, url: service.url(port) };
}
