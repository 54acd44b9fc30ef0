/** The container file and the compose file, as far as they can be checked where there is no container engine. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../packages/server/src/config.ts';
import { ROOT } from './processes.ts';

it('the container file copies the manifest of every workspace, without which npm ci fails', async () => {
  const { workspaces } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { workspaces: string[] };
  const folders = await Promise.all(
    workspaces.map(async (pattern) => {
      if (!pattern.endsWith('/*')) return [pattern];
      const parent = pattern.slice(0, -2);
      const entries = await readdir(join(ROOT, parent), { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${parent}/${name}`);
    }),
  );
  const stages = (await readFile(join(ROOT, 'deploy/Dockerfile'), 'utf8')).split(/^FROM /m).slice(1);
  expect(stages).toHaveLength(2);
  for (const stage of stages) {
    for (const folder of folders.flat()) expect(stage).toContain(`COPY ${folder}/package.json ${folder}/`);
  }
});

it('the compose file runs that container with a volume, keys, a health check and time to stop', async () => {
  const compose: unknown = parse(await readFile(join(ROOT, 'compose.yaml'), 'utf8'));
  expect(compose).toMatchObject({
    services: {
      tailrace: {
        build: { context: '.', dockerfile: 'deploy/Dockerfile' },
        environment: { TAILRACE_INGEST_KEY: expect.any(String), TAILRACE_READ_KEY: expect.any(String) },
        volumes: ['tailrace-data:/data'],
        healthcheck: { test: ['CMD', 'node', '-e', expect.stringContaining('/readyz')] },
        stop_grace_period: '30s',
      },
    },
  });
});

it('the compose file of the roles starts one process for each, and each of them takes its settings', async () => {
  const compose: unknown = parse(await readFile(join(ROOT, 'deploy/roles.compose.yaml'), 'utf8'), { merge: true });
  const services = new Map(Object.entries((compose as { services: Record<string, RoleService> }).services));
  for (const role of ['ingest', 'write', 'query']) {
    const { environment = {}, depends_on: needs = {} } = services.get(role) ?? {};
    const { arrangement } = loadConfig({
      ...environment,
      TAILRACE_INGEST_KEY: 'a-key-for-writing-events',
      TAILRACE_READ_KEY: 'a-key-for-reading-events',
      // As the container file sets them.
      TAILRACE_HOST: '0.0.0.0',
      TAILRACE_DATA_DIR: '/data',
    });
    expect(arrangement).toEqual({ roles: [role], queue: 'kafka', store: 'clickhouse', isStoreShared: true });
    expect([...services.keys()]).toEqual(expect.arrayContaining(Object.keys(needs)));
  }
});

interface RoleService {
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

it('the container has every driver, in the version of the lock file', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'deploy/list-drivers.mjs')]);
  expect(stdout.trim().split(' ').sort()).toEqual([
    expect.stringMatching(/^@clickhouse\/client@\d+\.\d+\.\d+$/),
    expect.stringMatching(/^@redis\/client@\d+\.\d+\.\d+$/),
    expect.stringMatching(/^kafkajs@\d+\.\d+\.\d+$/),
    expect.stringMatching(/^mongodb@\d+\.\d+\.\d+$/),
  ]);
});
