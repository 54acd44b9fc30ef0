import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveOptions, TailraceConfigError } from './resolve-options.ts';
import type { Environment } from './variables.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-environment-'));

function routeOf(env: Environment) {
  const [route, ...others] = resolveOptions({}, env, folder).routes;
  expect(others).toEqual([]);
  if (route === undefined) throw new Error('there is no route');
  return {
    ...route,
    names: route.sinks.map((sink) => sink.name),
    options: route.sinks.map((sink) => ('options' in sink ? sink.options : undefined)),
  };
}

function faultsOf(env: Environment): readonly string[] {
  try {
    resolveOptions({}, env, folder);
    return [];
  } catch (error) {
    if (error instanceof TailraceConfigError) return error.faults;
    throw error;
  }
}

describe('the environment', () => {
  it.each([
    [{}, ['console']],
    [{ TAILRACE_URL: 'http://127.0.0.1:7300' }, ['tailrace']],
    [{ STORAGE_TYPE: 'tailrace', TAILRACE_URL: 'http://127.0.0.1:7300' }, ['tailrace']],
    [{ STORAGE_TYPE: 'file', LOG_FILE_PATH: 'events.ndjson' }, ['file']],
    [{ STORAGE_TYPE: 'mongodb', MONGODB_URI: 'mongodb://127.0.0.1/logs' }, ['mongodb']],
    [{ STORAGE_TYPE: 'ClickHouse', CLICKHOUSE_URL: 'http://127.0.0.1:8123' }, ['clickhouse']],
    [{ STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:9092' }, ['kafka']],
    [
      { STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: '127.0.0.1:9092', TAILRACE_URL: 'http://127.0.0.1:7300' },
      ['kafka', 'tailrace'],
    ],
    [
      {
        STORAGE_TYPE: 'mongodb',
        MONGODB_URI: 'mongodb://m/logs',
        MQ_ENABLED: 'true',
        MQ_TYPE: 'redis',
        REDIS_HOST: 'r',
      },
      ['redis', 'mongodb'],
    ],
    [
      {
        STORAGE_TYPE: 'clickhouse',
        CLICKHOUSE_URL: 'http://c:8123',
        MQ_ENABLED: '1',
        MQ_TYPE: 'kafka',
        MQ_BROKER_ADDRESS: 'a:9092, b:9092',
      },
      ['kafka', 'clickhouse'],
    ],
    [{ MQ_ENABLED: 'false', MQ_TYPE: 'kafka' }, ['console']],
  ] satisfies [Environment, string[]][])('%j makes a route to %j', (env, sinks) => {
    expect(routeOf(env).names).toEqual(sinks);
  });

  it('sets the size of batches, their wait, and the breaker', () => {
    const file = { STORAGE_TYPE: 'file', LOG_FILE_PATH: 'x', LOG_BATCH_SIZE: '50', LOG_FLUSH_INTERVAL_MS: '300' };
    expect(routeOf(file)).toMatchObject({ name: 'events', batchLines: 50, batchWaitMs: 300, breaker: 'standard' });
    const queue = { MQ_ENABLED: 'true', MQ_TYPE: 'redis', MQ_BROKER_ADDRESS: 'r:6380' };
    expect(routeOf(queue)).toMatchObject({ batchLines: 100, batchWaitMs: 1_000 });
    const all = { ...queue, ...file, MQ_BATCH_SIZE: '7', MQ_BATCH_TIMEOUT_MS: '9', TAILRACE_FALLBACK: 'critical' };
    expect(routeOf(all)).toMatchObject({ batchLines: 7, batchWaitMs: 9, breaker: 'critical' });
  });

  it('names the topic by either variable, and the address of Redis in three ways', () => {
    const kafka = { STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: 'a:1,b:2' };
    expect(routeOf(kafka).options[0]).toMatchObject({ brokers: ['a:1', 'b:2'], topic: 'tailrace-events' });
    expect(routeOf({ ...kafka, KAFKA_LOG_TOPIC: 'logs' }).options[0]).toMatchObject({ topic: 'logs' });
    const redis = { MQ_ENABLED: 'on', MQ_TYPE: 'redis', MQ_LOG_TOPIC: 'logs' };
    for (const [env, url] of [
      [{ REDIS_URL: 'rediss://u:p@r/1' }, 'rediss://u:p@r/1'],
      [{ REDIS_HOST: 'r', REDIS_PORT: '7' }, 'redis://r:7'],
      [{ REDIS_PORT: '7' }, 'redis://127.0.0.1:7'],
      [{ MQ_BROKER_ADDRESS: 'r:8' }, 'redis://r:8'],
    ] as const) {
      expect(routeOf({ ...redis, ...env }).options[0]).toMatchObject({ url, stream: 'logs' });
    }
  });

  it('takes secrets from files', () => {
    const file = join(folder, 'uri');
    writeFileSync(file, ' mongodb://u:p@m/logs\n');
    const hook = join(folder, 'hook');
    writeFileSync(hook, 'https://hooks.example/T0/secret\n');
    const env = { STORAGE_TYPE: 'mongodb', MONGODB_URI_FILE: file, TAILRACE_ALERT_WEBHOOK_URL_FILE: hook };
    expect(routeOf(env).options[0]).toMatchObject({ uri: 'mongodb://u:p@m/logs' });
    expect(resolveOptions({}, env, folder).alertWebhookUrl).toBe('https://hooks.example/T0/secret');
  });

  it('is left alone where the code gives routes', () => {
    const routes = [{ name: 'mine', sinks: [{ kind: 'builtin', name: 'console', options: {} }] }] as const;
    expect(resolveOptions({ routes }, { STORAGE_TYPE: 'mongodb' }, folder).routes).toEqual(routes);
  });
});

describe('faults of the environment', () => {
  it('are all told at once, each with its variable, its value, and what is accepted', () => {
    const faults = faultsOf({
      STORAGE_TYPE: 'mongo',
      MQ_ENABLED: 'ture',
      MQ_TYPE: 'kafak',
      MQ_TPYE: 'kafka',
      MQ_BATCH_SIZE: '0',
      LOG_BATCH_SIZE: 'many',
      TAILRACE_FALLBACK: 'standart',
      TAILRACE_URL: 'localhost',
    });
    const text = faults.join('\n');
    expect(text).toContain(
      'STORAGE_TYPE is "mongo"; accepted: tailrace, file, mongodb, clickhouse, kafka. Did you mean mongodb?',
    );
    expect(text).toContain('MQ_ENABLED is "ture"; accepted: true or false. Did you mean true?');
    expect(text).toContain('MQ_TYPE is "kafak"; accepted: kafka, redis. Did you mean kafka?');
    expect(text).toContain('MQ_TPYE is not a setting. Did you mean MQ_TYPE?');
    expect(text).toContain('MQ_BATCH_SIZE is 0; accepted: a whole number from 1 to 100000');
    expect(text).toContain('LOG_BATCH_SIZE is "many"');
    expect(text).toContain(
      'TAILRACE_FALLBACK is "standart"; accepted: critical, standard, noncritical. Did you mean standard?',
    );
    expect(text).toContain('TAILRACE_URL is "(not shown)"; accepted: an address such as http://127.0.0.1:7300');
    expect(faults).toHaveLength(8);
  });

  it.each([
    [{ STORAGE_TYPE: 'tailrace' }, 'TAILRACE_URL is missing, and STORAGE_TYPE=tailrace needs it'],
    [{ STORAGE_TYPE: 'file' }, 'LOG_FILE_PATH is missing'],
    [{ STORAGE_TYPE: 'mongodb' }, 'MONGODB_URI is missing'],
    [{ STORAGE_TYPE: 'clickhouse' }, 'CLICKHOUSE_URL is missing'],
    [{ STORAGE_TYPE: 'kafka' }, 'MQ_BROKER_ADDRESS is missing, and STORAGE_TYPE=kafka needs it'],
    [{ MQ_ENABLED: 'true' }, 'MQ_TYPE is missing'],
    [{ MQ_ENABLED: 'true', MQ_TYPE: 'redis' }, 'REDIS_URL is missing'],
    [{ STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: 'localhost' }, 'MQ_BROKER_ADDRESS is "localhost"'],
    [{ STORAGE_TYPE: 'kafka', MQ_BROKER_ADDRESS: 'a:1', MQ_LOG_TOPIC: 'a b' }, 'MQ_LOG_TOPIC is "a b"'],
    [
      { STORAGE_TYPE: 'kafka', MQ_ENABLED: 'true', MQ_TYPE: 'redis', MQ_BROKER_ADDRESS: 'a:1' },
      'MQ_TYPE is "redis"; accepted: kafka, since STORAGE_TYPE is kafka',
    ],
  ] satisfies [Environment, string][])('%j: %s', (env, fault) => {
    const faults = faultsOf(env);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it('never name a secret', () => {
    const secret = 'hunter2';
    const faults = faultsOf({
      STORAGE_TYPE: 'mongodb',
      MONGODB_URI: `postgres://u:${secret}@m`,
      MQ_ENABLED: 'true',
      MQ_TYPE: 'redis',
      REDIS_URL: `http://u:${secret}@r`,
      MQ_BROKER_ADDRESS: `u:${secret}@r`,
      TAILRACE_INGEST_KEY: secret,
      TAILRACE_INGEST_KEY_FILE: '/nowhere',
      TAILRACE_ALERT_WEBHOOK_URL: secret,
    });
    expect(faults.join('\n')).not.toContain(secret);
    expect(faults).toHaveLength(5);
  });
});
