/** Which modules each setting loads: V8 writes down, for each thread, what it has run. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { SOURCE_ARGS } from '../../../tests/processes.ts';

const PROGRAM = fileURLToPath(new URL('../tests/log-by-environment.ts', import.meta.url));
const SOURCE = new URL('.', import.meta.url).href;
const DRIVERS = ['kafkajs', '@redis/client', 'mongodb', '@clickhouse/client'];

interface Loaded {
  /** Files of this package. */
  readonly files: readonly string[];
  readonly drivers: readonly string[];
}

/** What the main thread and the delivery worker of a program load with this environment. */
async function modulesOf(env: Readonly<Record<string, string>>): Promise<{ main: Loaded; worker: Loaded }> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-modules-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const coverage = join(folder, 'coverage');
  await promisify(execFile)(process.execPath, [...SOURCE_ARGS, PROGRAM], {
    timeout: 80_000,
    env: {
      PATH: process.env.PATH ?? '',
      NODE_V8_COVERAGE: coverage,
      TAILRACE_DATA_DIR: join(folder, 'data'),
      LOG_FILE_PATH: join(folder, 'events.ndjson'),
      MQ_TIMEOUT_MS: '500',
      ...env,
    },
  });
  const threads = readdirSync(coverage).map((name) => urlsIn(join(coverage, name)));
  const threadWith = (file: string): Loaded => {
    const urls = threads.find((loaded) => loaded.includes(SOURCE + file));
    if (urls === undefined) throw new Error(`no thread has loaded ${file}`);
    return {
      files: urls
        .filter((url) => url.startsWith(SOURCE))
        .map((url) => url.slice(SOURCE.length))
        .sort(),
      drivers: DRIVERS.filter((driver) => urls.some((url) => url.includes(`/node_modules/${driver}/`))),
    };
  };
  return { main: threadWith('tailrace.ts'), worker: threadWith('delivery/worker.ts') };
}

function urlsIn(file: string): string[] {
  const { result }: { result: { url: string }[] } = JSON.parse(readFileSync(file, 'utf8'));
  return result.map(({ url }) => url.split('?')[0] ?? '');
}

/** The sinks among the files: a folder of `sinks/`, or a file of it that is one. */
function sinksIn({ files }: Loaded): string[] {
  const names = files.flatMap(
    (file) => /^sinks\/(console|file|tailrace|kafka|redis|mongodb|clickhouse)\b/.exec(file)?.[1] ?? [],
  );
  return [...new Set(names.filter((name) => name !== 'console' || files.includes('sinks/console.ts')))];
}

const mongodb = { STORAGE_TYPE: 'mongodb', MONGODB_URI: 'mongodb://127.0.0.1:9/logs?serverSelectionTimeoutMS=500' };
const clickhouse = { STORAGE_TYPE: 'clickhouse', CLICKHOUSE_URL: 'http://127.0.0.1:9' };
const kafka = { MQ_ENABLED: 'true', MQ_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:9' };
const redis = { MQ_ENABLED: 'true', MQ_TYPE: 'redis', REDIS_URL: 'redis://127.0.0.1:9' };

/** Each setting, with the sinks that its worker loads at once, and their drivers. */
const SETTINGS: readonly [Record<string, string>, string[], string[]][] = [
  [{}, ['console'], []],
  [{ STORAGE_TYPE: 'file' }, ['file'], []],
  [{ STORAGE_TYPE: 'tailrace', TAILRACE_URL: 'http://127.0.0.1:9' }, ['tailrace'], []],
  [mongodb, ['mongodb'], ['mongodb']],
  [clickhouse, ['clickhouse'], ['@clickhouse/client']],
  [{ STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:9' }, ['kafka'], ['kafkajs']],
  // The second choice is loaded when the first is given up.
  [{ ...kafka, ...mongodb }, ['kafka'], ['kafkajs']],
  [{ ...redis, ...clickhouse }, ['redis'], ['@redis/client']],
  [{ ...redis, STORAGE_TYPE: 'file' }, ['redis'], ['@redis/client']],
];

test.each(SETTINGS)('%j loads, in the worker alone, the sinks %j and the drivers %j', async (env, sinks, drivers) => {
  const { main, worker } = await modulesOf({ ...env, TAILRACE_FALLBACK: 'critical' });
  expect(main.drivers).toEqual([]);
  expect(sinksIn(main)).toEqual([]);
  expect(worker.drivers).toEqual(drivers);
  expect(sinksIn(worker)).toEqual(sinks);
});

test('with STORAGE_TYPE=file neither thread loads a file that only an adapter needs', async () => {
  const { main, worker } = await modulesOf({ STORAGE_TYPE: 'file' });
  const grown = await modulesOf({ ...redis, STORAGE_TYPE: 'file' });
  expect(main.files).toEqual(grown.main.files);
  const adapters = /^sinks\/(kafka|redis|mongodb|clickhouse|broker-|import-driver)/;
  expect([...main.files, ...worker.files].filter((file) => adapters.test(file))).toEqual([]);
  expect(worker.files.filter((file) => file.startsWith('sinks/'))).toEqual([
    'sinks/file.ts',
    'sinks/rotating-file.ts',
    'sinks/sink-options.ts',
  ]);
});
