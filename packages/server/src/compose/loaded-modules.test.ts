/** What a setting doesn't name isn't loaded: neither a driver nor the module that would use it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';
import { temporaryFolder } from '../../tests/test-server.ts';

const CHILD = fileURLToPath(new URL('../../tests/loaded-modules-child.ts', import.meta.url));
const DRIVERS = ['@duckdb/node-api', 'kafkajs', '@redis/client', 'mongodb', '@clickhouse/client'];

/** Which drivers a server loads that starts under these settings; nobody answers at the addresses. */
function loadedBy(settings: Readonly<Record<string, string>>): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...SOURCE_ARGS, CHILD], {
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, ...settings, TAILRACE_PORT: '0', TAILRACE_DATA_DIR: join(temporaryFolder(), 'data') },
  });
  const line = stdout.split('\n').find((text) => text.startsWith('loaded '));
  if (line === undefined) throw new Error(`the server ended with ${status}: ${stderr}`);
  const modules = JSON.parse(line.slice('loaded '.length)) as string[];
  return DRIVERS.filter((driver) => modules.some((file) => file.includes(`/node_modules/${driver}/`)));
}

const KAFKA = { MQ_ENABLED: 'true', MQ_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:1' };
const REDIS = { MQ_ENABLED: 'true', MQ_TYPE: 'redis', REDIS_HOST: '127.0.0.1', REDIS_PORT: '1' };
const MONGODB = { STORAGE_TYPE: 'mongodb', MONGODB_URI: 'mongodb://127.0.0.1:1/t?serverSelectionTimeoutMS=100' };
const CLICKHOUSE = { STORAGE_TYPE: 'clickhouse', CLICKHOUSE_URL: 'http://127.0.0.1:1/t' };

test.each([
  ['nothing', {}, ['@duckdb/node-api']],
  ['STORAGE_TYPE=kafka', { STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:1' }, ['@duckdb/node-api', 'kafkajs']],
  ['Redis and MongoDB', { ...REDIS, ...MONGODB }, ['@redis/client', 'mongodb']],
  ['Kafka and ClickHouse', { ...KAFKA, ...CLICKHOUSE }, ['kafkajs', '@clickhouse/client']],
  ['ingest before Kafka and the embedded store', { ...KAFKA, TAILRACE_ROLE: 'ingest' }, ['kafkajs']],
  [
    'dead letters in Redis',
    { TAILRACE_DEAD_LETTERS: 'redis', REDIS_HOST: '127.0.0.1', REDIS_PORT: '1' },
    ['@duckdb/node-api', '@redis/client'],
  ],
  ['query on ClickHouse', { ...KAFKA, ...CLICKHOUSE, TAILRACE_ROLE: 'query' }, ['@clickhouse/client']],
] as const)(
  '%s loads its own drivers only',
  (_name, settings, drivers) => {
    expect(loadedBy(settings)).toEqual(drivers);
  },
  180_000,
);
