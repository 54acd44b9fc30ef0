import { afterEach, beforeEach, expect, test } from 'vitest';
import { answer, type RecordingServer, startRecordingServer } from '../../tests/delivery/recording-server.ts';
import { type Batch, type Sink, toBatch } from '../delivery/sink.ts';
import { sinkContract } from '../delivery/sink-contract.ts';
import { createSink } from './tailrace.ts';

let server: RecordingServer;
let sink: Sink;
let notices: string[];

beforeEach(async () => {
  server = await startRecordingServer();
  notices = [];
  sink = open({ url: server.url, key: 'ingest' });
});

afterEach(async () => {
  await sink.close?.();
  await server.close();
});

function open(options: unknown): Sink {
  return createSink(options, { notice: (code) => notices.push(code) });
}

function batchOf(count: number): Batch {
  return toBatch(Array.from({ length: count }, (_, index) => Buffer.from(`{"event_id":"producer1-${index + 1}"}`)));
}

const never = new AbortController().signal;
const send = (count = 3, signal = never) => sink.send(batchOf(count), signal);

for (const { name, run } of sinkContract({
  create: () => open({ url: server.url }),
  delivered: () => server.lines.map((line): string => JSON.parse(line).event_id),
  breakDestination: () => {
    server.behave = (_, response) => answer(response, 500, 'broken');
  },
  mend: () => {
    server.behave = (lines, response) => server.accept(lines, response);
  },
})) {
  test(`contract: ${name}`, run);
}

test('sends the lines as they are, with the key, compressed where that pays', async () => {
  expect(await send(3)).toEqual({ kind: 'delivered', duplicates: 0 });
  expect(await send(500)).toEqual({ kind: 'delivered', duplicates: 0 });
  const [small, large] = server.requests;
  expect(small?.headers['content-encoding']).toBeUndefined();
  expect(small?.headers.authorization).toBe('Bearer ingest');
  expect(large?.headers['content-encoding']).toBe('gzip');
  expect(large?.lines).toEqual(batchOf(500).lines.map(String));
});

test('a batch whose counts do not add up is sent again, and that is told', async () => {
  server.behave = (_, response) => answer(response, 200, { accepted: 2, duplicates: 0, refused: [] });
  expect(await send(3)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('sent 3 lines') });
  server.behave = (_, response) =>
    answer(response, 200, { accepted: 2, duplicates: 0, refused: [{ line: 9, reason: '' }] });
  expect(await send(3)).toMatchObject({ kind: 'retry' });
  expect(notices).toEqual(['server_counts_differ', 'server_counts_differ']);
});

test('lines that the server refuses are refused, and no others', async () => {
  server.behave = (_, response) =>
    answer(response, 200, { accepted: 1, duplicates: 1, refused: [{ line: 2, reason: 'level is "loud"' }] });
  expect(await send(3)).toEqual({
    kind: 'partial',
    refused: [{ index: 1, reason: 'level is "loud"' }],
    retry: [],
    duplicates: 1,
  });
});

test.each([
  [429, { 'retry-after': '7' }, 7000],
  [503, { 'retry-after': '2' }, 2000],
  [500, {}, undefined],
  [502, {}, undefined],
])('a server that answers %i is tried again when it says so', async (status, headers, afterMs) => {
  server.behave = (_, response) => answer(response, status, 'no', headers as Record<string, string>);
  const outcome = await send();
  expect(outcome).toMatchObject({ kind: 'retry', reason: expect.stringContaining(String(status)) });
  expect('afterMs' in outcome ? outcome.afterMs : undefined).toBe(afterMs);
});

test.each([401, 403, 404])(
  'a wrong key or address (%i) loses nothing: events wait, and a person is told',
  async (status) => {
    server.behave = (_, response) => answer(response, status, 'no');
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 60_000 });
    expect(notices).toEqual(['server_refuses_access']);
  },
);

test.each([400, 422])('a batch that can never be taken (%i) is refused', async (status) => {
  server.behave = (_, response) => answer(response, status, 'not NDJSON');
  expect(await send()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('not NDJSON') });
});

test('a batch that is too large is sent in parts, and only the line that is too large by itself is refused', async () => {
  server.behave = (lines, response) => {
    if (lines.length > 3 || lines.some((line) => line.includes('"producer1-6"'))) answer(response, 413, 'too large');
    else server.accept(lines, response);
  };
  expect(await send(10)).toMatchObject({ kind: 'partial', refused: [{ index: 5 }], retry: [] });
  const rest = batchOf(10).lines.map(String);
  rest.splice(5, 1);
  expect(server.lines).toEqual(rest);
});

test('garbage, a cut connection, a dead server and one that hangs are all a reason to try again', async () => {
  server.behave = (_, response) => answer(response, 200, '<html>welcome</html>');
  expect(await send()).toMatchObject({ kind: 'retry', reason: expect.stringContaining('<html>') });
  server.behave = (_, response) => {
    response.socket?.destroy();
  };
  expect(await send()).toMatchObject({ kind: 'retry' });
  server.behave = (_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"accep');
    setTimeout(() => response.socket?.destroy(), 5);
  };
  expect(await send()).toMatchObject({ kind: 'retry' });
  server.behave = () => {};
  const abort = new AbortController();
  const hanging = send(3, abort.signal);
  abort.abort();
  expect(await hanging).toMatchObject({ kind: 'retry' });
  await server.close();
  expect(await send()).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONNREFUSED') });
});

test('a kept connection that the server has closed meanwhile is no failure', async () => {
  let cut = false;
  server.behave = (lines, response) => {
    if (cut) {
      cut = false;
      response.socket?.destroy();
    } else server.accept(lines, response);
  };
  expect(await send()).toMatchObject({ kind: 'delivered' });
  cut = true;
  expect(await send()).toMatchObject({ kind: 'delivered' });
  expect(server.requests).toHaveLength(3);
});

test('says what is wrong with its options', () => {
  expect(() => open({ url: 'localhost:7300x' })).toThrow('must begin with http://');
  expect(() => open({ url: 'nowhere' })).toThrow('"nowhere"');
  expect(() => open({ uri: 'http://127.0.0.1' })).toThrow('uri is not an option; the options are url, key');
});
