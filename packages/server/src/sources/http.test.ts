import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LEDGER_SCHEMA } from 'tailrace/ledger';
import { expect, test } from 'vitest';
import { eventLine, eventually, startServer, type TestServer } from '../../tests/test-server.ts';

const P = '0mb1x9k3fqz7a';
const GZIP = { 'content-encoding': 'gzip' };
const good = (n: number): string => eventLine(P, n);

async function storedLines(server: TestServer): Promise<string[]> {
  await server.close();
  return server.disk.lines.map(({ line }) => line);
}

test('the good lines of a bad batch are kept, and each bad one is named and becomes a dead letter', async () => {
  const server = await startServer();
  const lines = [
    good(1),
    '{"status":"broken"}',
    '',
    '{not json',
    good(2),
    good(3).replace('"sampling.rate":1', '"sampling.rate":7'),
    '"just text"',
    good(4),
  ];
  const { status, body } = await server.post(lines.join('\n'));
  expect(status).toBe(200);
  expect(body).toMatchObject({
    accepted: 3,
    duplicates: 0,
    refused: [
      { line: 2, reason: expect.stringContaining('status is "broken"') },
      { line: 4, reason: expect.stringContaining('is not JSON') },
      { line: 6, reason: expect.stringContaining('sampling.rate is 7') },
      { line: 7, reason: expect.stringContaining('must be a JSON object') },
    ],
  });
  const { body: dead } = await server.get('/v1/dead');
  expect(dead).toMatchObject({
    count: 4,
    dead: [{ line: '"just text"', source: 'http' }, {}, { line: '{not json' }, {}],
  });
  expect(await storedLines(server)).toEqual(
    [good(1), good(2), good(4)].map((line) => expect.stringContaining(line.slice(0, 60))),
  );
});

test('an array, gzip, and lines without an id are taken too', async () => {
  const server = await startServer();
  const array = await server.post(gzipSync(`[{"message":"a"}, 7, {"message":"b","user":{"id":1}}]`), {
    ...GZIP,
    'content-type': 'application/json',
  });
  expect(array.body).toMatchObject({ accepted: 2, refused: [{ line: 2 }] });
  const stored = (await storedLines(server)).map((line) => JSON.parse(line));
  expect(stored).toMatchObject([{ message: 'a' }, { message: 'b', 'user.id': '1' }]);
  expect(stored[0].event_id).toMatch(/^[0-9a-z]{13}-\d+$/);
});

test('a ledger line in the body is taken, and is no event', async () => {
  const server = await startServer();
  const ledger = {
    schema: LEDGER_SCHEMA,
    producer: P,
    service: 'payments',
    host: 'h',
    pid: 1,
    started: '2026-11-21T09:00:00.000Z',
    timestamp: '2026-11-21T09:00:01.000Z',
    emitted: 5,
    sequence: 2,
    kept: { HAS_ERROR: 2 },
    sampled_out: { SAMPLED_NORMAL: 3 },
    dropped: {},
    dead: {},
    closed: true,
  };
  const bad = JSON.stringify({ ...ledger, emitted: -1 });
  const { body } = await server.post([good(1), good(2), JSON.stringify(ledger), bad].join('\n'));
  expect(body).toMatchObject({ accepted: 3, refused: [{ line: 4, reason: expect.stringContaining('emitted') }] });
  const { body: report } = await eventually(
    () => server.get('/v1/ledger'),
    (answer) => (answer.body as { totals: { stored: number } }).totals.stored === 2,
  );
  expect(report).toMatchObject({
    totals: { emitted: 5, kept: 2, sampledOut: 3, stored: 2, inFlight: 0, missing: 0 },
    producers: [{ producer: P, service: 'payments', closed: true, keptByRule: { HAS_ERROR: 2 } }],
  });
  expect(await storedLines(server)).toHaveLength(2);
});

const limits = { maxBodyBytes: 20_000, maxUnzippedBytes: 40_000, maxLineBytes: 5000 };

test.each([
  ['gzip that is none', { body: 'hello', headers: GZIP }, 400, 'BODY_NOT_GZIP'],
  ['gzip that is broken', { body: gzipSync(good(1)).subarray(0, 60), headers: GZIP }, 400, 'GZIP_UNREADABLE'],
  ['gzip that is not told', { body: gzipSync(good(1)), headers: {} }, 400, 'BODY_IS_GZIP'],
  ['a zip bomb', { body: gzipSync(Buffer.alloc(8_000_000)), headers: GZIP }, 413, 'UNZIPPED_TOO_LARGE'],
  ['a body that is too large', { body: 'x'.repeat(30_000), headers: {} }, 413, 'BODY_TOO_LARGE'],
  ['another encoding', { body: good(1), headers: { 'content-encoding': 'br' } }, 415, 'ENCODING_UNSUPPORTED'],
  ['another type', { body: good(1), headers: { 'content-type': 'text/plain' } }, 415, 'TYPE_UNSUPPORTED'],
  ['half an array', { body: '[{"a":1},', headers: { 'content-type': 'application/json' } }, 400, 'BODY_UNREADABLE'],
  [
    'an array that is not UTF-8',
    { body: Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), headers: { 'content-type': 'application/json' } },
    400,
    'BODY_UNREADABLE',
  ],
])('%s is answered clearly, and the server lives', async (_name, { body, headers }, status, code) => {
  const server = await startServer({ settings: limits });
  const answer = await server.post(body, headers as Record<string, string>);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ error: { code, message: expect.any(String) } });
  expect((await server.post(good(7))).body).toMatchObject({ accepted: 1 });
});

test('a line that is too long, not UTF-8, or too deep costs only itself', async () => {
  const server = await startServer({ settings: limits });
  const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
  const parts = [
    Buffer.from(`${good(1)}\n{"message":"${'x'.repeat(6000)}"}\n{"message":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from(`"}\n{"a":${deep}}\n${good(2)}`),
  ];
  const { body } = await server.post(Buffer.concat(parts));
  expect(body).toMatchObject({
    accepted: 2,
    refused: [
      { line: 2, reason: expect.stringContaining('at most 5000') },
      { line: 3, reason: 'is not valid UTF-8' },
      { line: 4, reason: expect.stringContaining('nested deeper') },
    ],
  });
});

test('nesting as deep as a line allows is refused, whatever it is made of', async () => {
  const server = await startServer();
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);
  const lines = [
    deep('[', ']'),
    deep('{"a":', '}').replace('}', '1}'),
    `{"schema":"${LEDGER_SCHEMA}","kept":${deep('[', ']')}}`,
  ];
  const { body } = await server.post([...lines, good(1)].join('\n'));
  expect(body).toMatchObject({ accepted: 1, refused: [{ line: 1 }, { line: 2 }, { line: 3 }] });
});

test('a body without end is cut off at the bound, and never gathered', async () => {
  const server = await startServer({ settings: limits });
  const { hostname, port } = new URL(server.url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
    socket.write(`POST /v1/events HTTP/1.1\r\nhost: ${hostname}\r\ntransfer-encoding: chunked\r\n\r\n`);
    const piece = `2710\r\n${'x'.repeat(10_000)}\r\n`;
    const more = (): void => {
      if (!socket.destroyed) socket.write(piece, () => setImmediate(more));
    };
    more();
  });
  expect(answer).toContain('413');
  expect(answer).toContain('BODY_TOO_LARGE');
  expect((await server.post(good(7))).body).toMatchObject({ accepted: 1 });
});

test('half a surrogate and a foreign __proto__ do no harm', async () => {
  const server = await startServer();
  const { body } = await server.post('{"message":"a\\ud800b","path":"C:\\\\ud800","__proto__":{"isAdmin":true}}');
  expect(body).toMatchObject({ accepted: 1, refused: [] });
  expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
  const [line = ''] = await storedLines(server);
  expect(JSON.parse(line)).toMatchObject({ message: 'a\ufffdb', path: 'C:\\ud800', 'proto.isAdmin': true });
});

test('a key that is given twice has one value in the store', async () => {
  const server = await startServer();
  await server.post(`{"event_id":"aaaaaaaa-1","event_id":"bbbbbbbb-1","status":"no","status":200}`);
  const [line = ''] = await storedLines(server);
  expect(line.match(/event_id/g)).toHaveLength(1);
  expect(JSON.parse(line)).toMatchObject({ event_id: 'bbbbbbbb-1', status: 200 });
});

test('secrets are taken out before the queue, and before the dead letters', async () => {
  const server = await startServer();
  const password = 'hunter2-hunter2';
  await server.post(`${eventLine(P, 1, { password })}\n{"status":"x","note":"password=${password}"}`);
  await server.get('/v1/dead');
  const lines = await storedLines(server);
  expect(lines.join()).not.toContain(password);
  for (const file of ['queue/00000001.ndjson', 'dead/letters-000001.ndjson']) {
    const path = join(server.dataDir, file);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8')).not.toContain(password);
  }
});

test('a full queue is answered with 503, and what was refused is not taken for a duplicate later', async () => {
  const server = await startServer({ settings: { queueMaxBytes: 16 * 1024 * 1024, commitLines: 100 } });
  const blob = 'x'.repeat(100_000);
  let n = 0;
  let full: { status: number; headers: Headers; body: unknown } | undefined;
  server.disk.insertFaults.push(...Array.from({ length: 1000 }, () => new Error('no space left')));
  while (full === undefined && n < 400) {
    n += 1;
    const answer = await server.post(eventLine(P, n, { blob }));
    if (answer.status !== 200) full = answer;
  }
  expect(full?.status).toBe(503);
  expect(full?.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(full?.body).toMatchObject({ error: { code: 'QUEUE_FULL' } });
  expect((await server.get('/readyz')).status).toBe(503);

  server.disk.insertFaults.length = 0;
  const again = await eventually(
    () => server.post(eventLine(P, n, { blob })),
    ({ status }) => status === 200,
  );
  expect(again.body).toEqual({ accepted: 1, duplicates: 0, refused: [] });
  expect(new Set(await storedLines(server)).size).toBe(n);
});
