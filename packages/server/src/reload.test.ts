/** A server that runs reads its configuration again: at SIGHUP, and when an administrator asks for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { cleanEnvironment, SOURCE_ARGS } from '../../../tests/processes.ts';
import { eventLine, eventually, temporaryFolder } from '../tests/test-server.ts';

const PROGRAM = fileURLToPath(new URL('./cli/tailrace.ts', import.meta.url));
const P = '0mb1x9k3fqz7a';
const NDJSON = { 'content-type': 'application/x-ndjson' };
const KEY = 'an-admin-key-of-some-length';

interface Started {
  readonly url: string;
  readonly child: ChildProcess;
  /** Replaces the configuration file. */
  write(yaml: string): void;
  writeKey(key: string): void;
  said(): string;
}

async function start(yaml: string): Promise<Started> {
  const folder = temporaryFolder();
  const file = join(folder, 'tailrace.yaml');
  const keyFile = join(folder, 'admin-key');
  const write = (text: string) =>
    writeFileSync(file, `port: 0\ndataDir: ${join(folder, 'data')}\nmaxLineBytes: 16 KiB\n${text}`);
  write(yaml);
  writeFileSync(keyFile, KEY);
  const child = spawn(process.execPath, [...SOURCE_ARGS, PROGRAM, 'server', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), TAILRACE_ADMIN_KEY_FILE: keyFile },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (data) => {
    text += String(data);
  });
  child.stderr.on('data', (data) => {
    text += String(data);
  });
  const url = await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`the server did not start: ${text}`);
      return /listens on (\S+)/.exec(text)?.[1] ?? '';
    },
    (found) => found !== '',
  );
  return { url, child, write, writeKey: (key) => writeFileSync(keyFile, key), said: () => text };
}

/** The status of a body of about 40 KB. */
async function postLarge(url: string, n: number): Promise<number> {
  const lines = Array.from({ length: 4 }, (_, i) => eventLine(P, 10 * n + i, { text: 'x'.repeat(10_000) }));
  const body = lines.join('\n');
  return (await fetch(`${url}/v1/events`, { method: 'POST', body, headers: NDJSON })).status;
}

async function askReload(url: string, key = KEY): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/v1/admin/reload`, { method: 'POST', headers });
  return { status: response.status, body: await response.json() };
}

test('SIGHUP brings the file as it is now in force, without a restart', async () => {
  const server = await start('maxBodyBytes: 20 KiB\n');
  expect(await postLarge(server.url, 1)).toBe(413);
  server.write('maxBodyBytes: 1 MiB\n');
  server.child.kill('SIGHUP');
  await eventually(
    () => postLarge(server.url, 1),
    (status) => status === 200,
  );
  expect(server.said()).toMatch(/the configuration was read again; in force now: maxBodyBytes/);

  server.write('maxBodyBytes: some\ncommitSeconds: -1\n');
  server.child.kill('SIGHUP');
  await eventually(
    async () => server.said(),
    (said) => /was not changed, the old one stays in force/.test(said),
  );
  // Every fault is named, and none of the new settings holds.
  expect(server.said()).toMatch(/maxBodyBytes[\s\S]*commitSeconds/);
  expect(await postLarge(server.url, 2)).toBe(200);
}, 60_000);

test('an administrator is told what holds now, what needs a restart, and what is wrong', async () => {
  const server = await start('maxBodyBytes: 20 KiB\n');
  expect((await askReload(server.url, 'another-key-of-some-length')).status).toBe(401);

  server.write('maxBodyBytes: 1 MiB\nqueueMaxBytes: 64 MiB\n');
  expect(await askReload(server.url)).toEqual({
    status: 200,
    body: { applied: ['maxBodyBytes'], needRestart: ['queueMaxBytes'] },
  });
  expect(await postLarge(server.url, 1)).toBe(200);

  server.write('maxBodyBites: 1 MiB\n');
  const refused = await askReload(server.url);
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toMatch(/the old one stays in force.*maxBodyBites.*maxBodyBytes/);
  expect(await postLarge(server.url, 2)).toBe(200);

  // A key that was changed in its file is the key from the reload on.
  server.write('maxBodyBytes: 1 MiB\n');
  server.writeKey('the-next-admin-key-of-some-length');
  expect(await askReload(server.url)).toMatchObject({ status: 200, body: { applied: ['adminKey'] } });
  expect((await askReload(server.url)).status).toBe(401);
  expect((await askReload(server.url, 'the-next-admin-key-of-some-length')).status).toBe(200);
}, 60_000);
