/** Each service survives kill -9 with its data; and the shared ones are started once, whoever asks. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createClient as createClickHouseClient } from '@clickhouse/client';
import { createClient as createRedisClient } from '@redis/client';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { isServiceName, SERVICES, type ServiceName } from '../scripts/services.d/services.ts';
import { endProcess, freePort, hasEnded, ROOT, readLog, runSource, waitFor } from './processes.ts';
import { needService, type RunningService, startService } from './services.ts';

interface Probe {
  write(service: RunningService): Promise<void>;
  /** What was written, read by a new client. */
  read(service: RunningService): Promise<unknown>;
}

async function withRedis<T>({ url }: RunningService, use: (client: RedisClient) => Promise<T>): Promise<T> {
  const client = connectRedis(url);
  await client.connect();
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

type RedisClient = ReturnType<typeof connectRedis>;
function connectRedis(url: string) {
  return createRedisClient({ url }).on('error', () => {});
}

async function withMongo<T>({ url }: RunningService, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(url);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

function connectKafka({ address }: RunningService): Kafka {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
}

const PROBES: Readonly<Partial<Record<ServiceName, Probe>>> = {
  redis: {
    write: (service) => withRedis(service, async (client) => void (await client.set('key', 'value'))),
    read: (service) => withRedis(service, (client) => client.get('key')),
  },
  kafka: {
    write: async (service) => {
      const producer = connectKafka(service).producer();
      const admin = connectKafka(service).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'topic', numPartitions: 1 }], waitForLeaders: true });
      await admin.disconnect();
      await producer.connect();
      await producer.send({ topic: 'topic', acks: -1, messages: [{ value: 'value' }] });
      await producer.disconnect();
    },
    read: async (service) => {
      const consumer = connectKafka(service).consumer({ groupId: randomUUID() });
      await consumer.connect();
      await consumer.subscribe({ topic: 'topic', fromBeginning: true });
      try {
        return await new Promise((resolve) => {
          void consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) });
        });
      } finally {
        await consumer.disconnect();
      }
    },
  },
  mongodb: {
    write: (service) =>
      withMongo(service, async (client) => void (await client.db('d').collection('c').insertOne({ key: 'value' }))),
    read: (service) => withMongo(service, async (client) => (await client.db('d').collection('c').findOne())?.key),
  },
  clickhouse: {
    write: async ({ url }) => {
      const client = createClickHouseClient({ url });
      await client.command({ query: 'CREATE TABLE t (key String) ENGINE = MergeTree ORDER BY key' });
      await client.insert({ table: 't', format: 'JSONEachRow', values: [{ key: 'value' }] });
      await client.close();
    },
    read: async ({ url }) => {
      const client = createClickHouseClient({ url });
      const result = await client.query({ query: 'SELECT key FROM t', format: 'JSONEachRow' });
      const [row] = await result.json<{ key: string }>();
      await client.close();
      return row?.key;
    },
  },
};

describe.each(Object.entries(PROBES))('%s', (name, probe) => {
  it('comes back from kill -9, and from a stop, with what was written', async ({ skip }) => {
    const service = await startService(name as ServiceName);
    if (service === undefined) return skip();
    onTestFinished(() => service.close());
    await probe.write(service);
    await service.kill();
    await service.start();
    expect(await probe.read(service)).toBe('value');
    await service.stop();
    expect(await SERVICES[service.name].isReady(service.port)).toBe(false);
    await service.start();
    expect(await probe.read(service)).toBe('value');
  }, 120_000);
});

describe('toxiproxy', () => {
  it('comes back from kill -9, empty', async ({ skip }) => {
    const service = await startService('toxiproxy');
    if (service === undefined) return skip();
    onTestFinished(() => service.close());
    const proxy = { name: 'any', listen: '127.0.0.1:0', upstream: '127.0.0.1:1' };
    await fetch(`${service.url}/proxies`, { method: 'POST', body: JSON.stringify(proxy) });
    await service.kill();
    await service.start();
    expect(await (await fetch(`${service.url}/proxies`)).json()).toEqual({});
  });
});

describe.skipIf(process.platform !== 'linux' || !SERVICES.redis.isInstalled())(
  'scripts/services',
  { timeout: 120_000 },
  () => {
    it('starts one server, though many ask for it at once, and ends that one', async () => {
      const services = await privateFolder();
      const started = await Promise.all(Array.from({ length: 4 }, () => services.run('start', 'redis')));
      const pids = new Set(started.map(({ printed }) => /pid (\d+)/.exec(printed)?.[1]));
      expect([...pids]).toEqual([expect.stringMatching(/^\d+$/)]);
      await services.run('kill', 'redis');
      expect((await services.run('status', 'redis')).printed).toMatch(/^redis +down/);
      const again = await services.run('start', 'redis');
      expect(again.printed).toMatch(/up/);
      expect(again.printed).not.toContain(`pid ${[...pids][0]} `);
      expect(await services.run('stop', 'redis')).toMatchObject({ code: 0 });
    });

    it('never ends a process that was given the number of a server that is gone', async () => {
      const services = await privateFolder();
      await mkdir(join(services.folder, 'redis'), { recursive: true });
      const bystander = spawn('sleep', ['600']);
      onTestFinished(() => void bystander.kill());
      const record = JSON.stringify({ pid: bystander.pid, born: '1', port: services.port });
      await writeFile(join(services.folder, 'redis/instance.json'), record);
      expect((await services.run('status', 'redis')).printed).toMatch(/^redis +down/);
      expect(await services.run('kill', 'redis')).toMatchObject({ code: 0 });
      expect(hasEnded(bystander)).toBe(false);
    });

    it('says which port is taken, and what the log of a server that failed says', async () => {
      const services = await privateFolder();
      const listener = createServer().listen(services.port, '127.0.0.1');
      await once(listener, 'listening');
      const taken = await services.run('start', 'redis');
      listener.close();
      expect(taken).toMatchObject({ code: 1, printed: expect.stringContaining(`listens on port ${services.port}`) });
      await mkdir(join(services.folder, 'redis/data/appendonlydir'), { recursive: true });
      await writeFile(join(services.folder, 'redis/data/appendonlydir/appendonly.aof.manifest'), 'no manifest');
      const failed = await services.run('start', 'redis');
      expect(failed).toMatchObject({ code: 1, printed: expect.stringMatching(/ended while it started.*manifest/s) });
    });

    it('gives a test a server that ends with the test, even by kill -9', async () => {
      const folder = await temporaryFolder();
      const log = join(folder, 'log');
      const test = runSource(join(ROOT, 'tests/services-child.ts'), ['redis'], { logFile: log });
      const port = Number(
        await waitFor(
          'the port',
          () => /port (\d+)/.exec(readLog(log))?.[1],
          30_000,
          () => readLog(log),
        ),
      );
      expect(await SERVICES.redis.isReady(port)).toBe(true);
      await endProcess(test, 'SIGKILL');
      await waitFor('the end of the server', async () => (await SERVICES.redis.isReady(port)) === false || undefined);
    });
  },
);

it.skipIf(process.platform !== 'linux' || !SERVICES.redis.isInstalled())(
  'a service that somebody else runs on the port is used as it is',
  async () => {
    const own = await startService('redis');
    if (own === undefined) throw new Error('redis is installed, but was not started');
    onTestFinished(() => own.close());
    vi.stubEnv('SERVICES_REDIS_PORT', `${own.port}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await needService('redis')).toMatchObject({ port: own.port, url: `redis://127.0.0.1:${own.port}` });
  },
);

it('the compose file publishes its services where the tests look for them', async () => {
  const compose: { services: Record<string, { ports: string[]; profiles?: string[] }> } = parse(
    await readFile(join(ROOT, 'compose.yaml'), 'utf8'),
  );
  for (const [name, { ports, profiles }] of Object.entries(compose.services)) {
    if (!isServiceName(name)) continue;
    expect(profiles).toEqual([name, 'services']);
    expect(ports).toEqual([expect.stringMatching(`^127\\.0\\.0\\.1:${SERVICES[name].defaultPort}:`)]);
  }
  expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(PROBES)));
});

interface PrivateFolder {
  readonly folder: string;
  readonly port: number;
  run(verb: string, name: ServiceName): Promise<{ readonly code: number | null; readonly printed: string }>;
}

/** The command with a folder and a port for Redis that nobody else uses. */
async function privateFolder(): Promise<PrivateFolder> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const run: PrivateFolder['run'] = async (verb, name) => {
    const child = spawn(join(ROOT, 'scripts/services'), [verb, name], {
      env: { ...process.env, SERVICES_DIR: folder, SERVICES_REDIS_PORT: `${port}` },
    });
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);
    await once(child, 'close');
    return { code: child.exitCode, printed: (await printed).join('') };
  };
  onTestFinished(async () => void (await run('kill', 'redis')));
  return { folder, port, run };
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-services-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
