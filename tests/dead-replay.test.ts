/** A server that is killed in the middle of replays: every dead letter is stored once, or is a dead letter still. */
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { encodeDeadLetter } from '../packages/tailrace/src/delivery/dead-letter.ts';
import { endProcess, freePort, runSource, SERVER_ENTRY, waitFor } from './processes.ts';

const LETTERS = 3000;
const KILLS = 3;

function letterFile(): string {
  const at = new Date().toISOString();
  const lines = Array.from({ length: LETTERS }, (_, n) => {
    const line = Buffer.from(JSON.stringify({ service: 'shop', message: `order ${n}`, order: n }));
    const id = `dddddddd-${n + 1}`;
    const letter = { id, sink: 'ingest', reason: 'no', source: 'http', service: 'shop', at, lastAt: at, line };
    return `${encodeDeadLetter({ ...letter, attempts: 1, rounds: 0, truncated: false })}\n`;
  });
  return lines.join('');
}

it('stores each letter once, however often the server is killed while it replays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-dead-replay-'));
  const dataDir = join(folder, 'data');
  await mkdir(join(dataDir, 'dead'), { recursive: true });
  await writeFile(join(dataDir, 'dead/letters-000001.ndjson'), letterFile());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { TAILRACE_DATA_DIR: dataDir, TAILRACE_PORT: String(port) };
  let server: ChildProcess | undefined;
  onTestFinished(async () => {
    if (server !== undefined) await endProcess(server, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(`${url}${path}`, init)).json()) as Record<string, unknown>;
  };
  const start = async (): Promise<ChildProcess> => {
    const started = runSource(SERVER_ENTRY, ['server'], { env, logFile: join(folder, 'server.log') });
    await waitFor('the server', async () =>
      (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ? true : undefined,
    );
    return started;
  };
  const deadNow = async () => Number((await ask('/v1/dead?limit=1')).count);

  let left = LETTERS;
  for (let kill = 0; kill < KILLS; kill += 1) {
    server = await start();
    left = await deadNow();
    const replay = ask('/v1/dead/replay', { all: true, linesPerSecond: 1500 });
    replay.catch(() => {});
    await waitFor('some to be replayed', async () => ((await deadNow()) < left ? true : undefined));
    await endProcess(server, 'SIGKILL');
  }
  server = await start();
  left = await deadNow();
  // The kills did come in the middle.
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(LETTERS);
  expect(await ask('/v1/dead/replay', { all: true, linesPerSecond: 100_000 })).toMatchObject({
    replayed: left,
    refused: 0,
    stopped: null,
  });
  expect(await deadNow()).toBe(0);
  const plan = {
    where: 'service:shop',
    from: '-1h',
    to: 'now',
    aggregates: [
      { fn: 'count', as: 'all' },
      { fn: 'distinct', field: 'order', as: 'orders' },
    ],
  };
  const rows = await waitFor('all to be found', async () => {
    const found = (await ask('/v1/query', plan)).rows as readonly { readonly all: number }[];
    return found[0] !== undefined && found[0].all >= LETTERS ? found : undefined;
  });
  expect(rows).toEqual([{ all: LETTERS, orders: LETTERS }]);
}, 240_000);
