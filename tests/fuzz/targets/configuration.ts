import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TailraceConfigError } from 'tailrace/configuration';
import { ConfigError, loadConfig } from '../../../packages/server/src/config.ts';
import { resolveOptions } from '../../../packages/tailrace/src/configuration/resolve-options.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const NAMES = [
  'TAILRACE_PORT',
  'TAILRACE_HOST',
  'TAILRACE_INGEST_KEY',
  'TAILRACE_READ_KEY',
  'TAILRACE_FSYNC',
  'TAILRACE_QUEUE_MAX_BYTES',
  'TAILRACE_ROLE',
  'TAILRACE_URL',
  'STORAGE_TYPE',
  'MQ_ENABLED',
  'MQ_TYPE',
  'MQ_BROKER_ADDRESS',
  'MONGODB_URI',
  'CLICKHOUSE_URL',
  'REDIS_URL',
  'LOG_SAMPLING_NORMAL_RATE',
  'LOG_CRITICAL_ROUTES',
  'LOG_LEVEL',
  'SERVICE_NAME',
] as const;
/** Stands in the values of secrets; a fault must not repeat it. */
const SECRET = 'hunter2hunter2';
const folder = mkdtempSync(join(tmpdir(), 'tailrace-fuzz-config-'));

/**
 * The configuration, by YAML file and by environment: lines `NAME=value` are the environment, the others are the file. It is
 * complete, or every fault is named; and no fault tells a secret.
 */
export const configuration: FuzzTarget = {
  name: 'configuration',
  inputs: bytesLike(
    [
      ...NAMES.map((name) => `${name}=`),
      '\n',
      'true',
      'kafka',
      'redis',
      'mongodb',
      '127.0.0.1:9092',
      'port: ',
      'fsync: ',
      '- ',
      '&a ',
      '*a',
      '? ',
      '|\n  x',
      '!!js/function',
      '16MiB',
      '-1',
      '1e999',
      `${SECRET}key1234`,
      '0.5',
    ],
    [
      'TAILRACE_PORT=7300\nSTORAGE_TYPE=mongodb\nMONGODB_URI=mongodb://127.0.0.1:27017/a\nport: 7300\nfsync: always\n',
      `TAILRACE_INGEST_KEY=${SECRET}key1234\nTAILRACE_ROLE=ingest,write\nqueueMaxBytes: 16MiB\nallowedHosts: [a, b]\n`,
    ],
  ),
  check(input) {
    const env: Record<string, string> = {};
    const yaml: string[] = [];
    for (const line of input.toString().split('\n')) {
      const name = NAMES.find((known) => line.startsWith(`${known}=`));
      if (name === undefined) yaml.push(line);
      else env[name] = line.slice(name.length + 1);
    }
    const file = join(folder, 'config.yaml');
    writeFileSync(file, yaml.join('\n'));
    try {
      const config = loadConfig(env, {}, file);
      holds(Number.isInteger(config.port), 'a configuration is complete');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      holds(!error.message.includes(SECRET) || isInOpen(env, yaml), 'a fault tells no secret');
    }
    try {
      const options = resolveOptions({}, env, folder);
      holds(options.routes.length > 0, 'events go somewhere');
    } catch (error) {
      if (!(error instanceof TailraceConfigError)) throw error;
      holds(!error.message.includes(SECRET) || isInOpen(env, yaml), 'a fault tells no secret');
    }
  },
};

/** True where the secret stands in a setting that is none. */
function isInOpen(env: Readonly<Record<string, string>>, yaml: readonly string[]): boolean {
  const open = Object.entries(env).filter(([name]) => !/KEY|_URI$|_URL$/.test(name));
  return open.some(([, value]) => value.includes(SECRET)) || yaml.some((line) => line.includes(SECRET));
}
