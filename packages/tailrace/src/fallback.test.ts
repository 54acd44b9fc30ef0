import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startService } from '../../../tests/services.ts';
import { answer, type RecordingServer, startRecordingServer } from '../tests/delivery/recording-server.ts';
import { mountSmallDisk } from '../tests/spool/small-disk.ts';
import { createTailrace, type Notice, type RouteOptions, type Tailrace, type TailraceOptions } from './index.ts';

const redis = await startService('redis');
afterAll(() => redis?.close());

let folder: string;
let webhook: RecordingServer;
let notices: Notice[];
let tailrace: Tailrace | undefined;
let unmount: (() => void) | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-fallback-'));
  webhook = await startRecordingServer();
  notices = [];
});

afterEach(async () => {
  await tailrace?.close(2_000);
  tailrace = undefined;
  await webhook.close();
  unmount?.();
  unmount = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function start(options: TailraceOptions): Tailrace {
  tailrace = createTailrace({
    service: 'shop',
    dataDir: join(folder, 'data'),
    handleExit: false,
    alertWebhookUrl: `${webhook.url}/services/T0/secret`,
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  return tailrace;
}

const noticesOf = (code: string) => notices.filter((notice) => notice.code === code);
const posts = () => webhook.requests.length;
const LONG = { timeout: 20_000, interval: 50 };

function hearPosts(): void {
  webhook.behave = (_lines, response) => answer(response, 200, 'ok');
}

describe.skipIf(redis === undefined)('a route to Redis, and to a file where it is down', () => {
  const stream = 'fallback-events';
  const route = (file: string): RouteOptions => ({
    name: 'events',
    sinks: [
      { kind: 'builtin', name: 'redis', options: { url: redis?.url, stream, publishTimeoutMs: 1_000 } },
      { kind: 'builtin', name: 'file', options: { path: file } },
    ],
    batchWaitMs: 20,
    retry: { initialMs: 20, maxMs: 100, attempts: 2 },
    breaker: { failures: 2, successes: 2, openMs: 300 },
  });

  async function idsInStream(): Promise<string[]> {
    const client = createClient({ url: redis?.url ?? '' });
    await client.connect();
    const entries = (await client.xRange(stream, '-', '+')) ?? [];
    client.destroy();
    return entries.map(({ message }) => String(message.id)).filter((id) => id !== 'ledger');
  }

  test('tells at once that it fell back, goes back by itself, and loses nothing', async () => {
    hearPosts();
    const file = join(folder, 'events.ndjson');
    const { log, ledger, stats, flush, producer } = start({ routes: [route(file)] });
    const stage = async () => (await stats()).routes[0]?.stage;
    log.info('before');
    await vi.waitFor(async () => expect(await idsInStream()).toHaveLength(1), LONG);
    expect(await stage()).toMatchObject({ stage: 'queue', name: 'redis' });

    await redis?.kill();
    const traffic = setInterval(() => log.info('order'), 20);
    await vi.waitFor(() => expect(noticesOf('fallback')).toHaveLength(1), LONG);
    expect(noticesOf('fallback')[0]?.message).toMatch(
      /^route events fell back from queue \(redis\) to file; \d+ bytes wait$/,
    );
    expect(await stage()).toMatchObject({ stage: 'file', name: 'file' });
    await vi.waitFor(() => {
      const fallback = eventsIn(file).find(({ topic }) => topic === 'logger.fallback');
      expect(fallback).toMatchObject({
        level: 'error',
        'fallback.route': 'events',
        'fallback.from': 'queue',
        'fallback.from_sink': 'redis',
        'fallback.to': 'file',
        'fallback.ended': false,
      });
      expect(Date.parse(String(fallback?.['fallback.since']))).toBeGreaterThan(0);
      expect(fallback?.['fallback.waiting_bytes']).toBeTypeOf('number');
    }, LONG);
    await vi.waitFor(() => expect(posts()).toBe(1), LONG);
    expect(JSON.parse(webhook.requests[0]?.text ?? '')).toEqual({
      text: expect.stringMatching(/^shop on \S+: route events fell back from queue \(redis\) to file; \d+ bytes wait$/),
    });

    await redis?.start();
    await vi.waitFor(() => expect(noticesOf('fallback_ended')).toHaveLength(1), LONG);
    clearInterval(traffic);
    expect(await stage()).toMatchObject({ stage: 'queue', name: 'redis' });
    expect(noticesOf('fallback')).toHaveLength(1);
    await vi.waitFor(() => expect(posts()).toBe(2), LONG);

    expect(await flush(5_000)).toBe(true);
    const sent = new Set([...(await idsInStream()), ...eventsIn(file).map((event) => String(event.event_id))]);
    const kept = Array.from({ length: ledger().sequence }, (_, i) => `${producer}-${i + 1}`);
    // An event about a failure of Redis isn't for Redis: met there before the route has fallen back, it is dropped.
    const { own_failure: ownFailure, ...otherDrops } = ledger().dropped;
    const passedOver = kept.filter((_, i) => ownFailure?.sequences.some(([from, to]) => from <= i + 1 && i + 1 <= to));
    expect(otherDrops).toEqual({});
    expect(passedOver.length).toBe(ownFailure?.count ?? 0);
    expect([...sent, ...passedOver].sort()).toEqual(kept.sort());
  });
});

test('a webhook that fails is told without its address, and harms nothing', async () => {
  webhook.behave = (_lines, response) => answer(response, 403, 'no');
  const { log } = start({
    routes: [
      {
        name: 'away',
        sinks: [{ kind: 'builtin', name: 'tailrace', options: { url: 'http://127.0.0.1:9' } }],
        retry: { initialMs: 1, maxMs: 5 },
        breaker: { failures: 1, openMs: 100 },
      },
    ],
  });
  log.info('hello');
  await vi.waitFor(() => expect(noticesOf('alert_not_sent')).toHaveLength(1), LONG);
  expect(noticesOf('fallback')[0]?.message).toContain('route away fell back from server (tailrace) to file (spool)');
  expect(JSON.stringify(notices)).not.toContain('secret');
  expect(posts()).toBe(3);
});

test('a disk that takes nothing is a fallback to memory, and memory that is full one to stderr', async (context) => {
  hearPosts();
  const data = join(folder, 'data');
  const disk = mountSmallDisk(data, '256k');
  if (disk === undefined) return context.skip('a full disk needs the right to mount (run as root)');
  unmount = () => disk.unmount();
  const file = join(folder, 'out.ndjson');
  const { log, flush, ledger, producer } = start({
    routes: [{ name: 'file', sinks: [{ kind: 'builtin', name: 'file', options: { path: file } }] }],
    spool: { memoryBytes: 8_192 },
  });
  log.info('on disk');
  await flush();
  const ballast = join(data, 'ballast');
  expect(() => writeFileSync(ballast, Buffer.alloc(512 * 1024))).toThrow('ENOSPC');
  await vi.waitFor(() => {
    for (let i = 0; i < 10; i += 1) log.info('x'.repeat(500));
    expect(noticesOf('fallback').map(({ message }) => message.split(';')[0])).toEqual([
      'the spool fell back from file (spool) to memory (spool)',
      'the spool fell back from memory (spool) to stderr',
    ]);
  }, LONG);
  await vi.waitFor(() => expect(posts()).toBe(2), LONG);

  rmSync(ballast);
  await vi.waitFor(() => expect(noticesOf('spool_writable')).toHaveLength(1), LONG);
  await flush();
  const sequences = eventsIn(file).map(({ event_id }) => Number(String(event_id).slice(producer.length + 1)));
  expect(new Set(sequences).size).toBe(sequences.length);
  const dropped = Object.values(ledger().dropped).reduce((sum, { count }) => sum + count, 0);
  expect(dropped).toBeGreaterThan(0);
  expect(sequences.length + dropped).toBe(ledger().sequence);
});

function eventsIn(file: string): Record<string, unknown>[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line): Record<string, unknown> => JSON.parse(line));
}
