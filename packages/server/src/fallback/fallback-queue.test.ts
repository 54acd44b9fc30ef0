import { join } from 'node:path';
import type { Clock } from 'tailrace/delivery';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, temporaryFolder } from '../../tests/test-server.ts';
import type { Queue, QueueBatch } from '../queue/queue.ts';
import { openSpoolQueue } from '../queue/spool-queue.ts';
import { FallbackQueue } from './fallback-queue.ts';
import { StageReport } from './stage-report.ts';

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;
const line = (n: number): string => `{"n":${n}}`;
const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));

/** A broker that fails while it is told to, and remembers what it took: also of publishes that it failed. */
function scriptedBroker() {
  const taken: string[] = [];
  const broker = {
    taken,
    isDown: false,
    /** Takes the lines, and says that it didn't. */
    liesOnce: false,
    publishes: 0,
    /** Says that its readers have passed all that was published before; nothing waits in it at first. */
    passedMs: Number.POSITIVE_INFINITY,
    placeIn: 'broker' as const,
    async publish(lines: readonly string[]) {
      broker.publishes += 1;
      if (broker.isDown) throw new Error('connection refused');
      taken.push(...lines);
      if (broker.liesOnce) {
        broker.liesOnce = false;
        throw new Error('the answer was lost');
      }
    },
    seek: async () => {},
    read: async (): Promise<QueueBatch> => ({ lines: [], unreadable: [], end: 'b' }),
    acknowledge: async () => {},
    stats: () => ({ depthBytes: 0, ageSeconds: 0, passedMs: broker.passedMs }),
    close: async () => {},
  };
  return broker;
}

/** Time in the test's hand. */
function handClock() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly fn: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    after(ms, fn) {
      const timer = { atMs: nowMs + ms, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers]) {
        if (timer.atMs > nowMs || !timers.delete(timer)) continue;
        timer.fn();
      }
    },
  };
}

interface Options {
  readonly hasStore?: boolean;
  readonly maxBytes?: number;
  readonly directory?: string;
}

async function start(broker: Queue, { hasStore = false, maxBytes = 64 * MIB, directory }: Options = {}) {
  const folder = directory ?? join(temporaryFolder(), 'queue');
  const { clock, pass } = handClock();
  const log: string[] = [];
  const queue = new FallbackQueue({
    broker,
    spool: await openSpoolQueue({ directory: folder, fsync: 'off', maxBytes, from: undefined }),
    readsBroker: hasStore,
    hasStore,
    breaker: { failures: 3, successes: 1, openMs: 10_000 },
    clock,
    bury: async () => {},
    onChange: () => report.look(),
    log: (_level, message) => log.push(message),
  });
  const alerts: string[] = [];
  const events: Record<string, unknown>[] = [];
  const report = new StageReport({
    queue,
    stages: { broker: 'kafka', store: hasStore ? 'duckdb' : undefined },
    isStoreUp: () => true,
    holdMs: 10_000,
    clock,
    service: () => 'tailrace',
    record: async (event) => events.push(event),
    post: (text) => alerts.push(text),
    count: () => {},
    log: () => {},
    now: Date.now,
  });
  queue.start();
  onTestFinished(async () => {
    report.close();
    await queue.close();
  });
  // At the start nobody knows yet what the spool holds.
  await eventually(
    async () => queue.isDrained,
    (isDrained) => isDrained,
  );
  return { queue, report, alerts, events, pass, folder };
}

test('a broker that is down costs no line: the spool has them, and they follow in order when it is back', async () => {
  const broker = scriptedBroker();
  const { queue, report, alerts, events, pass } = await start(broker);
  await queue.publish(lines(1, 2));
  expect(broker.taken).toEqual(lines(1, 2));
  broker.isDown = true;
  for (let n = 3; n <= 40; n += 1) await queue.publish([line(n)]);
  await eventually(
    async () => report.status(),
    ({ stage, waitingBytes }) => stage === 'file' && waitingBytes > 0,
  );
  expect(alerts).toEqual([expect.stringContaining('fell back from queue (kafka) to file (spool)')]);
  expect(events).toMatchObject([{ topic: 'logger.fallback', level: 'error', 'fallback.ended': false }]);

  broker.isDown = false;
  await queue.publish([line(41)]);
  expect(broker.taken).toEqual(lines(1, 2));
  pass(1000);
  await eventually(
    async () => broker.taken.length,
    (count) => count >= 41,
  );
  expect(broker.taken).toEqual(lines(1, 41));
  await eventually(
    async () => queue.isDrained,
    (isDrained) => isDrained,
  );
  expect(report.status().stage).toBe('file');
  pass(10_000);
  expect(report.status().stage).toBe('queue');
  expect(alerts).toEqual([expect.anything(), expect.stringContaining('is back from file (spool) to queue (kafka)')]);
  await queue.publish([line(42)]);
  expect(broker.taken.at(-1)).toBe(line(42));
});

test('what the broker took and did not confirm is sent again rather than lost', async () => {
  const broker = scriptedBroker();
  const { queue } = await start(broker);
  broker.liesOnce = true;
  await queue.publish(lines(1, 2));
  await eventually(
    async () => broker.taken,
    (taken) => taken.length === 4,
  );
  expect(broker.taken).toEqual([...lines(1, 2), ...lines(1, 2)]);
});

test('what was put aside has not passed before the broker has passed it, too, for all that it came to the broker late', async () => {
  const broker = scriptedBroker();
  const { queue, pass } = await start(broker);
  broker.isDown = true;
  for (let n = 1; n <= 10; n += 1) await queue.publish([line(n)]);
  const putAside = Date.now();
  expect(queue.stats().passedMs).toBeLessThanOrEqual(putAside);
  await eventually(
    async () => Date.now(),
    (nowMs) => nowMs > putAside + 5,
  );
  broker.isDown = false;
  broker.passedMs = putAside + 2;
  pass(10_000);
  await eventually(
    async () => queue.isDrained,
    (isDrained) => isDrained,
  );
  expect(broker.taken).toEqual(lines(1, 10));
  expect(queue.stats().passedMs).toBeLessThanOrEqual(putAside);
  broker.passedMs = Date.now() + 1000;
  expect(queue.stats().passedMs).toBeGreaterThan(putAside);
});

test('a broker that flaps makes two alerts, not two hundred', async () => {
  const broker = scriptedBroker();
  const { queue, report, alerts, pass } = await start(broker);
  for (let round = 0; round < 30; round += 1) {
    broker.isDown = round % 2 === 0;
    await queue.publish([line(round)]);
    await eventually(
      async () => {
        pass(500);
        report.look();
        return broker.isDown ? !queue.isBrokerUp : queue.isDrained;
      },
      (isReached) => isReached,
    );
  }
  await eventually(
    async () => {
      pass(10_000);
      return report.status().stage;
    },
    (stage) => stage === 'queue',
  );
  expect(alerts).toHaveLength(2);
  expect(new Set(broker.taken).size).toBe(30);
});

test('while the broker is down the writer of this process empties the spool, and sends nothing away unstored', async () => {
  const broker = scriptedBroker();
  const { queue, report, alerts, pass } = await start(broker, { hasStore: true });
  broker.isDown = true;
  for (let n = 1; n <= 20; n += 1) await queue.publish([line(n)]);
  const read: string[] = [];
  let end = '';
  await eventually(
    async () => {
      const batch = await queue.read(7, 10, NEVER);
      read.push(...batch.lines);
      end = batch.end;
      return read.length;
    },
    (count) => count === 20,
  );
  expect(read).toEqual(lines(1, 20));
  expect(report.status().stage).toBe('database');
  expect(alerts).toEqual([expect.stringContaining('to database (duckdb)')]);
  expect(queue.waiting.depthBytes).toBeGreaterThan(0);
  // The broker is back before the store has committed: it gets all of them, since nothing was acknowledged.
  broker.isDown = false;
  pass(10_000);
  await eventually(
    async () => broker.taken.length,
    (count) => count >= 20,
  );
  expect(broker.taken).toEqual(read);
  await queue.acknowledge(end);
  expect(queue.waiting.depthBytes).toBe(0);
});

test('what the writer has acknowledged is not sent to the broker as well', async () => {
  const broker = scriptedBroker();
  const { queue, pass } = await start(broker, { hasStore: true });
  broker.isDown = true;
  for (let n = 1; n <= 10; n += 1) await queue.publish([line(n)]);
  const batch = await eventually(
    () => queue.read(100, 10, NEVER),
    ({ lines }) => lines.length > 0,
  );
  await queue.acknowledge(batch.end);
  await queue.publish([line(11)]);
  broker.isDown = false;
  pass(10_000);
  await eventually(
    async () => broker.taken,
    (taken) => taken.includes(line(11)),
  );
  expect(broker.taken).toEqual(lines(1 + batch.lines.length, 11));
});

test('lines that waited when the process died go to the broker after the next start', async () => {
  const first = scriptedBroker();
  first.isDown = true;
  const { queue, folder } = await start(first);
  await queue.publish(lines(1, 3));
  await queue.close();
  const second = scriptedBroker();
  const next = await start(second, { directory: folder });
  expect(second.taken).toEqual(lines(1, 3));
  await next.queue.publish([line(4)]);
  expect(second.taken).toEqual(lines(1, 4));
});

test('past the spool the sender hears that there is no room, and the stage says so', async () => {
  const broker = scriptedBroker();
  const { queue, report, pass } = await start(broker, { maxBytes: 3 * MIB });
  broker.isDown = true;
  const big = JSON.stringify({ text: 'x'.repeat(200_000) });
  const refusal = await (async () => {
    for (;;) {
      const error = await queue.publish([big]).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) return error;
    }
  })();
  expect(refusal).toMatchObject({ code: 'QUEUE_FULL' });
  expect(report.status()).toMatchObject({ stage: 'refused', name: 'sender' });
  broker.isDown = false;
  await eventually(
    async () => {
      pass(1000);
      return queue.isDrained;
    },
    (isDrained) => isDrained,
  );
  await eventually(
    () =>
      queue.publish([line(1)]).then(
        () => true,
        () => false,
      ),
    (isTaken) => isTaken,
  );
});
