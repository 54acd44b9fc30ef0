/** The container file and the compose file, as far as they can be checked where there is no container engine. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
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
