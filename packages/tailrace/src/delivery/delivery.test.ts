import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answer, type RecordingServer, startRecordingServer } from '../../tests/delivery/recording-server.ts';
import { functionSink } from '../sinks/function.ts';
import { memorySink } from '../sinks/memory.ts';
import { tailraceSink } from '../sinks/specs.ts';
import { openSpool } from '../spool/index.ts';
import type { Spool } from '../spool/types.ts';
import { startDelivery } from './delivery.ts';
import type { Delivery, DeliveryReport, RouteOptions } from './types.ts';

let folder: string;
let server: RecordingServer;
let spool: Spool;
let delivery: Delivery | undefined;
let reports: DeliveryReport[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-delivery-'));
  server = await startRecordingServer();
  spool = openSpool({ directory: join(folder, 'spool', 'producer1') });
  reports = [];
});

afterEach(async () => {
  await delivery?.close(0);
  delivery = undefined;
  spool.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function start(routes: readonly RouteOptions[], mode: 'worker' | 'inline' = 'worker'): Delivery {
  delivery = startDelivery({
    spoolRoot: join(folder, 'spool'),
    directory: spool.directory,
    routes,
    mode,
    onReport: (report) => reports.push(report),
  });
  return delivery;
}

function eventLine(sequence: number, fields: object = {}): string {
  return JSON.stringify({ schema: 'tailrace/event/v1', event_id: `producer1-${sequence}`, level: 'info', ...fields });
}

function append(from: number, to: number): string[] {
  const lines = Array.from({ length: to - from + 1 }, (_, index) => eventLine(from + index));
  for (const [index, line] of lines.entries()) spool.append(line, from + index, false);
  spool.flush();
  return lines;
}

test.each(['worker', 'inline'] as const)(
  'brings every line to the server, as the bytes that were spooled (%s)',
  async (mode) => {
    const started = start([{ name: 'tailrace', sinks: [tailraceSink({ url: server.url, key: 'k1' })] }], mode);
    const lines = append(1, 2000);
    started.wake();
    expect(await started.flush(20_000)).toBe(true);
    expect(server.lines.toSorted()).toEqual(lines.toSorted());
    expect(server.requests[0]?.headers.authorization).toBe('Bearer k1');
    expect(await started.stats()).toMatchObject([{ route: 'tailrace', deliveredLines: 2000, backlogBytes: 0 }]);
    expect(reports).toEqual([]);
  },
);

test.each(['worker', 'inline'] as const)('gives events to a sink on the main thread (%s)', async (mode) => {
  const sink = memorySink();
  const started = start([{ name: 'memory', sinks: [sink] }], mode);
  append(1, 3);
  expect(await started.flush(20_000)).toBe(true);
  expect(sink.events.map((event) => event.event_id)).toEqual(['producer1-1', 'producer1-2', 'producer1-3']);
});

test('what its spool holds already arrives without a word', async () => {
  const lines = append(1, 3);
  start([{ name: 'tailrace', sinks: [tailraceSink({ url: server.url })] }]);
  await vi.waitFor(() => expect(server.lines).toEqual(lines), { timeout: 20_000 });
});

test('a line that is spooled when all is quiet arrives without being asked for', async () => {
  const started = start([{ name: 'tailrace', sinks: [tailraceSink({ url: server.url })] }]);
  expect(await started.flush(20_000)).toBe(true);
  append(1, 1);
  started.wake();
  await vi.waitFor(() => expect(server.lines).toHaveLength(1), { timeout: 10_000 });
});

test('servers that hang, fail and are slow, and a function that throws, delay no route but their own', async () => {
  const [hangs, fails, slow] = await Promise.all([
    startRecordingServer(),
    startRecordingServer(),
    startRecordingServer(),
  ]);
  try {
    hangs.behave = () => {};
    fails.behave = (_, response) => answer(response, 500, 'broken');
    slow.behave = (lines, response) => void setTimeout(() => slow.accept(lines, response), 20);
    const to = (url: string) => [tailraceSink({ url })];
    const throwing = functionSink(
      () => {
        throw new RangeError('thrown on purpose');
      },
      { name: 'throwing' },
    );
    const started = start([
      { name: 'hangs', sinks: to(hangs.url), timeoutMs: 200 },
      { name: 'fails', sinks: to(fails.url) },
      { name: 'throws', sinks: [throwing] },
      { name: 'slow', sinks: to(slow.url), batchLines: 50 },
      { name: 'fine', sinks: to(server.url) },
    ]);
    const lines = append(1, 2000);
    started.wake();
    await vi.waitFor(() => expect(server.lines).toHaveLength(2000), { timeout: 20_000 });
    await vi.waitFor(() => expect(slow.lines).toHaveLength(2000), { timeout: 20_000 });
    expect(server.lines.toSorted()).toEqual(lines.toSorted());
    expect([hangs.lines, fails.lines]).toEqual([[], []]);
    await vi.waitFor(() => {
      const failed = reports.flatMap((report) => (report.kind === 'handler_error' ? [report.route] : []));
      expect(failed.toSorted()).toEqual(['fails', 'hangs', 'throws']);
    });
    expect(reports.find((report) => report.kind === 'handler_error' && report.route === 'throws')).toMatchObject({
      sink: 'throwing',
      error: { type: 'RangeError', message: 'thrown on purpose', stack: expect.stringContaining('delivery.test.ts') },
      firstLine: lines[0],
    });
    const stats = await started.stats();
    const backlogs = stats.filter((route) => route.backlogBytes > 0).map(({ route }) => route);
    expect(backlogs).toEqual(['hangs', 'fails', 'throws']);

    // Mended, they get everything that waited for them.
    hangs.behave = (taken, response) => hangs.accept(taken, response);
    fails.behave = (taken, response) => fails.accept(taken, response);
    await vi.waitFor(() => expect(new Set([...hangs.lines]).size + new Set(fails.lines).size).toBe(4000), {
      timeout: 25_000,
    });
  } finally {
    await Promise.all([hangs.close(), fails.close(), slow.close()]);
  }
}, 60_000);

test('wrong routes are refused with every fault named', () => {
  expect(() => start([{ name: 'a b', sinks: [], batchLines: 0 }])).toThrow(
    /"a b".*has no sink.*batchLines of route "a b" must be a number from 1 up, and is 0/,
  );
});
