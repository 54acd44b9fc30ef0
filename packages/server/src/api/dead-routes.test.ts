import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { encodeDeadLetter } from 'tailrace/dead-letters';
import { expect, onTestFinished, test } from 'vitest';
import { eventLine, eventually, startServer, type TestServer, temporaryFolder } from '../../tests/test-server.ts';
import { letter } from '../dead/testing/dead-letter-store-contract.ts';

const P = '0mb1x9k3fqz7a';
const ADMIN = 'admin-key-0123456789a';
const READ = 'read-key-0123456789ab';

interface Listed {
  readonly dead: readonly { readonly id: string; readonly line: string; readonly rounds: number }[];
  readonly cursor: string | null;
}

async function send(server: TestServer, method: string, path: string, body: unknown, key?: string) {
  const headers = { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const list = async (server: TestServer, query = '') => (await server.get(`/v1/dead${query}`)).body as Listed;

/** A data folder with dead letters in it, as a server left them. */
function folderWith(...letters: Parameters<typeof encodeDeadLetter>[0][]): string {
  const dataDir = temporaryFolder();
  mkdirSync(join(dataDir, 'dead'));
  writeFileSync(
    join(dataDir, 'dead/letters-000001.ndjson'),
    letters.map((one) => `${encodeDeadLetter(one)}\n`).join(''),
  );
  return dataDir;
}

const now = new Date().toISOString();
const fine = (n: number, fields = {}) =>
  letter(n, { at: now, lastAt: now, line: Buffer.from(`{"message":"m${n}"}`), ...fields });

const storedMessages = (server: TestServer) =>
  server.disk.lines.map(({ line }) => JSON.parse(line)).filter(({ topic }) => topic !== 'logger.dead_letters');

test('letters are listed by page, with their causes, and by every filter', async () => {
  const server = await startServer();
  await server.post(
    [
      eventLine(P, 1, { status: 'one', service: 'shop' }),
      eventLine(P, 2, { status: 'two', service: 'bank' }),
      '{torn at 17',
      eventLine(P, 3, { status: 'three', service: 'shop', note: 'The Needle' }),
    ].join('\n'),
  );
  const all = await server.get('/v1/dead');
  expect(all.body).toMatchObject({
    count: 4,
    matching: 4,
    place: 'file',
    discarded: 0,
    causes: [{ cause: 'status is "…", and must be a whole number', count: 3 }, { count: 1 }],
    bounds: { letters: 100_000, days: 30 },
  });
  const lines = (await list(server)).dead.map(({ line }) => line);
  expect(lines.map((line) => /one|two|torn|three/.exec(line)?.[0])).toEqual(['three', 'torn', 'two', 'one']);

  const pages: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await list(server, `?limit=3${cursor}`);
    pages.push(...page.dead.map(({ line }) => line));
    if (page.cursor === null) break;
    cursor = `&cursor=${encodeURIComponent(page.cursor)}`;
  }
  expect(pages).toEqual(lines);

  const found = async (parameters: Record<string, string>) => {
    const { dead } = await list(server, `?${new URLSearchParams(parameters)}`);
    return dead.map(({ line }) => /one|two|torn|three/.exec(line)?.[0]);
  };
  expect(await found({ cause: 'status is "…", and must be a whole number' })).toEqual(['three', 'two', 'one']);
  expect(await found({ reason: '"two"' })).toEqual(['two']);
  expect(await found({ service: 'shop' })).toEqual(['three', 'one']);
  expect(await found({ text: 'needle' })).toEqual(['three']);
  expect(await found({ sink: 'ingest', source: 'http', from: '-1h', to: '-1m' })).toEqual([]);
  expect(await found({ sink: 'writer' })).toEqual([]);
  expect((await server.get('/v1/dead?colour=red')).status).toBe(400);

  const [newest] = (await list(server)).dead;
  expect((await server.get(`/v1/dead/${newest?.id}`)).body).toMatchObject({
    letter: { id: newest?.id, attempts: 1, rounds: 0, sink: 'ingest', source: 'http', service: 'shop' },
  });
  expect((await server.get('/v1/dead/nobody-1')).status).toBe(404);
});

test('a replay stores what passes now, under one id however often, and counts the round of what does not', async () => {
  const broken = fine(2, { line: Buffer.from('{"status":"broken"}') });
  const short = fine(3, { truncated: true });
  const dataDir = folderWith(fine(1), broken, short);
  const server = await startServer({ dataDir, settings: { deadMaxRounds: 2 } });
  const replay = async (body: unknown) => (await send(server, 'POST', '/v1/dead/replay', body)).body;

  expect(await replay({ all: true, dryRun: true })).toEqual({
    dryRun: true,
    matched: 3,
    skipped: { truncated: 1, rounds: 0 },
    wouldPass: 1,
    wouldBeRefused: 1,
    letters: [{ id: 'dddddddd-1' }, { id: 'dddddddd-2', reason: 'status is "broken", and must be a whole number' }],
  });
  expect(await server.get('/v1/dead')).toMatchObject({ body: { count: 3 } });

  const outcome = { matched: 3, replayed: 1, refused: 1, skipped: { truncated: 1, rounds: 0 }, left: 0, stopped: null };
  expect(await replay({ all: true })).toEqual(outcome);
  expect((await list(server)).dead).toMatchObject([
    { id: 'dddddddd-3', truncated: true, rounds: 0 },
    { id: 'dddddddd-2', rounds: 1, attempts: 2, reason: 'status is "broken", and must be a whole number' },
  ]);
  expect(await replay({ ids: ['dddddddd-2', 'nobody-1'] })).toMatchObject({ matched: 1, refused: 1 });
  // It came back twice: a third replay leaves it alone.
  expect(await replay({ filter: { reason: 'broken' } })).toMatchObject({
    matched: 1,
    refused: 0,
    skipped: { truncated: 0, rounds: 1 },
  });
  await server.close();

  // As after a crash between the replay and the removal.
  writeFileSync(join(dataDir, 'dead/letters-000001.ndjson'), `${encodeDeadLetter(fine(1))}\n`);
  const again = await startServer({ dataDir, disk: server.disk });
  expect((await send(again, 'POST', '/v1/dead/replay', { all: true })).body).toMatchObject({ replayed: 1, refused: 0 });
  await again.close();
  expect(storedMessages(again)).toMatchObject([{ event_id: 'dddddddd-1', message: 'm1' }]);
});

test('an order that says nothing of which letters, or two things, is refused', async () => {
  const server = await startServer({ dataDir: folderWith(fine(1)) });
  for (const body of [{}, { filter: {} }, { all: true, ids: ['dddddddd-1'] }]) {
    for (const path of ['/v1/dead/replay', '/v1/dead/purge']) {
      expect(await send(server, 'POST', path, body)).toMatchObject({
        status: 400,
        body: { error: { code: 'NOTHING_CHOSEN' } },
      });
    }
  }
  expect(await send(server, 'POST', '/v1/dead/replay', { all: false })).toMatchObject({ status: 400 });
});

test('an edit is checked and redacted like an event that comes in, and says who did it', async () => {
  const dataDir = folderWith(fine(1, { line: Buffer.from('{"status":"broken"}'), rounds: 5 }), fine(2));
  const server = await startServer({ dataDir, settings: { adminKey: ADMIN } });
  const edit = (event: unknown, id = 'dddddddd-1') => send(server, 'PUT', `/v1/dead/${id}`, { event }, ADMIN);
  expect(await edit({ status: 'still broken' })).toMatchObject({
    status: 422,
    body: { error: { code: 'EVENT_REFUSED', message: expect.stringContaining('status is "still broken"') } },
  });
  expect((await edit({ status: 1 }, 'nobody-1')).status).toBe(404);
  const { status, body } = await edit({ status: 500, service: 'shop', password: 'hunter2-hunter2' });
  expect(status).toBe(200);
  expect(body).toMatchObject({ letter: { rounds: 0, service: 'shop', edited: { by: 'the admin key' } } });
  expect(JSON.stringify((await server.get('/v1/dead')).body)).not.toContain('hunter2');

  expect((await send(server, 'POST', '/v1/dead/replay', { ids: ['dddddddd-1'] }, ADMIN)).body).toMatchObject({
    replayed: 1,
  });
  await server.close();
  expect(storedMessages(server)).toMatchObject([
    {
      event_id: 'dddddddd-1',
      status: 500,
      'tailrace.edited_by': 'the admin key',
      'tailrace.edited_at': expect.any(String),
    },
  ]);
  expect(server.log.join('\n')).toContain('a dead letter was edited by the admin key: dddddddd-1');
});

test('a purge needs the right number, and leaves a line in the log and among the events', async () => {
  const server = await startServer({ dataDir: folderWith(fine(1), fine(2, { service: 'bank' }), fine(3)) });
  const purge = (body: unknown) => send(server, 'POST', '/v1/dead/purge', body);
  expect(await purge({ filter: { service: 'shop' } })).toMatchObject({
    status: 409,
    body: { error: { code: 'CONFIRM_COUNT', count: 2 } },
  });
  expect((await purge({ filter: { service: 'shop' }, confirm: 3 })).status).toBe(409);
  expect(await purge({ filter: { service: 'shop' }, confirm: 2 })).toEqual({ status: 200, body: { purged: 2 } });
  expect((await list(server)).dead).toMatchObject([{ id: 'dddddddd-2' }]);
  expect(server.log).toContain('warn 2 dead letters were purged by somebody on this machine (service="shop")');
  await server.close();
  expect(server.disk.lines.map(({ line }) => JSON.parse(line))).toMatchObject([
    {
      topic: 'logger.dead_letters',
      'dead_letters.action': 'purge',
      'dead_letters.count': 2,
      'dead_letters.by': 'somebody on this machine',
      'dead_letters.chosen': 'service="shop"',
    },
  ]);
});

test('to look needs the read key, to change the admin key, and without one where keys are set nobody may', async () => {
  const keys = { readKey: READ, ingestKey: 'ingest-key-0123456789' };
  const server = await startServer({ settings: { ...keys, adminKey: ADMIN }, dataDir: folderWith(fine(1)) });
  expect((await server.get('/v1/dead')).status).toBe(401);
  expect((await server.get('/v1/dead', { authorization: `Bearer ${READ}` })).status).toBe(200);
  const orders: [string, string, unknown][] = [
    ['PUT', '/v1/dead/dddddddd-1', { event: {} }],
    ['POST', '/v1/dead/replay', { all: true }],
    ['POST', '/v1/dead/purge', { all: true }],
  ];
  for (const [method, path, body] of orders) {
    expect((await send(server, method, path, body)).status).toBe(401);
    expect((await send(server, method, path, body, READ)).status).toBe(401);
    expect([200, 409]).toContain((await send(server, method, path, body, ADMIN)).status);
  }
  const without = await startServer({ settings: keys, dataDir: folderWith(fine(1)) });
  for (const [method, path, body] of orders) {
    expect(await send(without, method, path, body)).toMatchObject({
      status: 404,
      body: { error: { code: 'ADMIN_OFF' } },
    });
  }
});

test('a replay keeps to its rate, and ends when the one who asked goes away', async () => {
  const server = await startServer({ dataDir: folderWith(...Array.from({ length: 20 }, (_, n) => fine(n + 1))) });
  const gone = new AbortController();
  const asked = fetch(`${server.url}/v1/dead/replay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ all: true, linesPerSecond: 1 }),
    signal: gone.signal,
  });
  asked.catch(() => {});
  await eventually(
    () => list(server),
    ({ dead }) => dead.length === 19,
  );
  expect(await send(server, 'POST', '/v1/dead/replay', { all: true })).toMatchObject({
    status: 409,
    body: { error: { code: 'REPLAY_RUNNING' } },
  });
  gone.abort();
  await eventually(
    async () => server.log,
    (log) => log.some((line) => /were not reached: it was called off/.test(line)),
  );
  expect((await list(server)).dead.length).toBeGreaterThan(10);
});

test('before the bound is reached somebody is told: by webhook, event, log and health', async () => {
  const posts: string[] = [];
  const hook = createHttpServer((request, response) => {
    request.on('data', (chunk) => posts.push(String(chunk)));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => hook.close(() => resolve())));
  const address = hook.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const settings = { deadMaxLetters: 10, alertWebhookUrl: `http://127.0.0.1:${port}/hook` };
  const server = await startServer({ settings });
  await server.post(Array.from({ length: 8 }, (_, n) => eventLine(P, n + 1, { status: 'no' })).join('\n'));
  await eventually(
    async () => posts,
    (all) => all.some((text) => text.includes('8 dead letters are at 80 % of their bound')),
  );
  expect((await server.get('/healthz')).body).toMatchObject({
    status: 'degraded',
    faults: [expect.stringContaining('dead letters are at 80 % of their bound')],
  });
  await server.post(Array.from({ length: 8 }, (_, n) => eventLine(P, n + 9, { status: 'no' })).join('\n'));
  const { dead } = await list(server);
  expect(dead.length).toBeLessThanOrEqual(10);
  await server.close();
  const told = server.disk.lines.map(({ line }) => JSON.parse(line)['dead_letters.action']);
  expect(told).toEqual(['near', 'losing']);
  // Who starts it again is told again.
  const again = await startServer({ dataDir: server.dataDir, settings: { deadMaxLetters: 10 } });
  expect(again.log.join('\n')).toContain('of their bound');
});
