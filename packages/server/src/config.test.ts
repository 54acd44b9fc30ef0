import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../tests/test-server.ts';
import { ConfigError, loadConfig } from './config.ts';

const KEYS = { TAILRACE_INGEST_KEY: 'i'.repeat(20), TAILRACE_READ_KEY: 'r'.repeat(20) };

function faultsOf(environment: Record<string, string>, file?: string): string {
  try {
    loadConfig(environment, {}, file);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

function write(name: string, content: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

test('nothing given is a server on loopback that forces every write', () => {
  expect(loadConfig({})).toMatchObject({
    port: 7300,
    host: '127.0.0.1',
    dataDir: './tailrace-data',
    fsync: 'always',
    redaction: 'on',
    notices: [],
  });
});

test('options win over the environment, and that over the file', () => {
  const file = write('tailrace.yaml', 'port: 1\nhost: localhost\nfsync: off\nqueueMaxBytes: 32 MiB\n');
  const config = loadConfig({ TAILRACE_HOST: '127.0.0.2', TAILRACE_PORT: '2' }, { port: '3' }, file);
  expect(config).toMatchObject({ port: 3, host: '127.0.0.2', fsync: 'off', queueMaxBytes: 32 * 1024 * 1024 });
});

test('all faults are told at once, each with name, value, what is accepted, and the nearest name', () => {
  const file = write('tailrace.yaml', 'prot: 7300\nmaxLineBytes: huge\n');
  const faults = faultsOf({ TAILRACE_PORT: '70000', TAILRACE_FSYNC: 'sometimes', TAILRACE_DATADIR: '/x' }, file);
  for (const fault of [
    'TAILRACE_PORT="70000" must be a port from 0 to 65535',
    'TAILRACE_FSYNC="sometimes" must be always, off, or milliseconds',
    'TAILRACE_DATADIR is no setting; did you mean TAILRACE_DATA_DIR?',
    `prot in ${file} is no setting; did you mean port?`,
    `maxLineBytes in ${file}="huge" must be a size in bytes`,
  ]) {
    expect(faults).toContain(fault);
  }
});

test('a server that others can reach needs both keys, and they differ', () => {
  expect(faultsOf({ TAILRACE_HOST: '0.0.0.0' })).toContain('set TAILRACE_INGEST_KEY and TAILRACE_READ_KEY');
  expect(faultsOf({ TAILRACE_HOST: '::', TAILRACE_INGEST_KEY: KEYS.TAILRACE_INGEST_KEY })).toContain(
    'set TAILRACE_READ_KEY',
  );
  expect(faultsOf({ ...KEYS, TAILRACE_READ_KEY: KEYS.TAILRACE_INGEST_KEY })).toContain('must differ');
  expect(loadConfig({ TAILRACE_HOST: '0.0.0.0', ...KEYS }).host).toBe('0.0.0.0');
});

test('a key may come from a file, and is never shown', () => {
  const file = write('key', `${KEYS.TAILRACE_READ_KEY}\n`);
  expect(loadConfig({ TAILRACE_READ_KEY_FILE: file }).readKey).toBe(KEYS.TAILRACE_READ_KEY);
  expect(faultsOf({ TAILRACE_READ_KEY_FILE: '/nowhere/key' })).toContain(
    'TAILRACE_READ_KEY_FILE="/nowhere/key" can\'t be read',
  );
  expect(faultsOf({ ...KEYS, TAILRACE_READ_KEY_FILE: file })).toContain('give one of them');
  const short = faultsOf({ TAILRACE_READ_KEY: 'sesame' });
  expect(short).toContain('TAILRACE_READ_KEY must be 16 to 512');
  expect(short).not.toContain('sesame');
});

test('what Kubernetes and the library put into the environment does no harm', () => {
  const config = loadConfig({
    TAILRACE_PORT: 'tcp://10.0.0.1:7300',
    TAILRACE_SERVICE_HOST: '10.0.0.1',
    TAILRACE_PORT_7300_TCP_ADDR: '10.0.0.1',
    TAILRACE_URL: 'http://localhost:7300',
    TAILRACE_SOMETHING_ELSE_ENTIRELY: '1',
  });
  expect(config.port).toBe(7300);
  expect(config.notices).toEqual([expect.stringContaining('TAILRACE_SOMETHING_ELSE_ENTIRELY')]);
});

test('a server that has grown names each thing that is missing, and what was probably meant', () => {
  expect(faultsOf({ STORAGE_TYPE: 'mongodb', MONGODB_URL: 'mongodb://db' })).toMatch(
    /MONGODB_URI is needed by STORAGE_TYPE=mongodb, and is not set; MONGODB_URL is set.*did you mean MONGODB_URI\?/,
  );
  const faults = faultsOf({ STORAGE_TYPE: 'clickhose', MQ_ENABLED: 'perhaps', MQ_TYPE: 'rabbit', REDIS_PORT: '0' });
  for (const fault of [
    'STORAGE_TYPE="clickhose" must be tailrace, file, mongodb, clickhouse or kafka',
    'MQ_ENABLED="perhaps" must be true or false',
    'MQ_TYPE="rabbit" must be kafka or redis',
    'REDIS_PORT="0" must be a port',
  ]) {
    expect(faults).toContain(fault);
  }
  expect(faultsOf({ STORAGE_TYPE: 'kafka' })).toContain('MQ_BROKER_ADDRESS is needed by STORAGE_TYPE=kafka');
  expect(faultsOf({ MQ_ENABLED: 'true' })).toContain('MQ_TYPE is needed by MQ_ENABLED=true');
  expect(faultsOf({ MQ_ENABLED: 'yes', MQ_TYPE: 'redis' })).toContain('REDIS_URL or REDIS_HOST or MQ_BROKER_ADDRESS');
  expect(faultsOf({ STORAGE_TYPE: 'kafka', MQ_TYPE: 'redis', MQ_BROKER_ADDRESS: 'k:9092' })).toContain('two queues');
  expect(faultsOf({ KAFKA_LOG_TOPIC: 'a', MQ_LOG_TOPIC: 'b' })).toContain('give one of them');
  expect(loadConfig({ REDIS_PORT: 'tcp://10.0.0.1:6379', REDIS_PASSWORD: 'x' })).toMatchObject({
    redisPort: 6379,
    notices: [],
  });
});

test('a place of dead letters that several servers share needs its address', () => {
  expect(faultsOf({ TAILRACE_DEAD_LETTERS: 'disk' })).toContain('must be file, redis, kafka or mongodb');
  expect(faultsOf({ TAILRACE_DEAD_LETTERS: 'redis' })).toContain(
    'REDIS_URL or REDIS_HOST is needed by TAILRACE_DEAD_LETTERS=redis',
  );
  expect(faultsOf({ TAILRACE_DEAD_LETTERS: 'mongodb' })).toContain('MONGODB_URI is needed');
  expect(faultsOf({ TAILRACE_DEAD_LETTERS: 'kafka' })).toContain('MQ_BROKER_ADDRESS is needed');
  const redis = { MQ_ENABLED: 'true', MQ_TYPE: 'redis', MQ_BROKER_ADDRESS: 'r:6379' };
  expect(faultsOf({ ...redis, TAILRACE_DEAD_LETTERS: 'kafka' })).toContain('MQ_BROKER_ADDRESS names a Redis');
  expect(loadConfig({ ...redis, TAILRACE_DEAD_LETTERS: 'redis' }).deadLetters).toBe('redis');
});

test('roles are divided only where a broker and a shared store stand between them', () => {
  const broker = { MQ_ENABLED: 'true', MQ_TYPE: 'kafka', MQ_BROKER_ADDRESS: 'k1:9092,k2:9092' };
  const clickhouse = { STORAGE_TYPE: 'clickhouse', CLICKHOUSE_URL: 'http://ch:8123/logs' };
  expect(faultsOf({ TAILRACE_ROLE: 'write,query' })).toContain('needs a broker');
  expect(faultsOf({ TAILRACE_ROLE: 'ingest,query' })).toContain('needs a broker');
  expect(faultsOf({ TAILRACE_ROLE: 'query' })).toContain('a store that several processes share');
  expect(faultsOf({ ...broker, TAILRACE_ROLE: 'query' })).toContain('a store that several processes share');
  expect(faultsOf({ TAILRACE_ROLE: 'ingest,wirte' })).toContain('must be one or more of ingest, write and query');
  for (const roles of ['ingest', 'write', 'query', 'ingest,query', 'write,query']) {
    expect(loadConfig({ ...broker, ...clickhouse, TAILRACE_ROLE: roles }).arrangement).toEqual({
      roles: roles.split(','),
      queue: 'kafka',
      store: 'clickhouse',
      isStoreShared: true,
    });
  }
  expect(loadConfig({ STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: 'k:9092' }).arrangement).toMatchObject({
    queue: 'kafka',
    store: 'duckdb',
    roles: ['ingest', 'write', 'query'],
  });
});
