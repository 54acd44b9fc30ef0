/**
 * What a queue must hold to whose place is kept by a broker: several readers share it, any of them may die, the broker may
 * die under it, and anybody may have put anything into it.
 */
import { randomBytes } from 'node:crypto';
import { expect, type TestContext, test } from 'vitest';
import type { Queue } from '../queue.ts';
import { type ChildReader, startReader } from './child-reader.ts';
import { drain, NEVER, numbered, readUntil, readWhile } from './read-lines.ts';

/** One topic or stream of its own. */
export interface BrokerQueueUnderTest {
  readonly kind: 'kafka' | 'redis';
  /** Opens another member of the same group. */
  open(options?: object): Promise<Queue>;
  /** The options of {@link open}, for a process of its own. */
  readonly options: object;
  /** Puts an entry into it that Tailrace didn't write: `undefined` is an entry without a line. */
  putRaw(value: Buffer | undefined): Promise<void>;
  /** Cuts every connection of this process to the broker. @returns how many there were */
  cut(): number;
}

/** A broker of the test's own. */
export interface KillableBroker {
  prepare(): Promise<BrokerQueueUnderTest>;
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface BrokerContract {
  prepare(): Promise<BrokerQueueUnderTest>;
  /** `undefined` where it isn't installed. */
  startOwn(): Promise<KillableBroker | undefined>;
  /** After so long without a sign of it, a reader counts as dead. */
  readonly takeoverMs: number;
  /** Options of a reader that would count as dead only after a minute. */
  readonly slowDeath: object;
}

export function describeBrokerQueue(name: string, contract: BrokerContract): void {
  const { prepare, startOwn, takeoverMs } = contract;
  // A broker that starts beside other tests takes its time.
  const patience = { timeout: 60_000 };

  // They wait more than they work: so they wait together, the longest first.
  test.concurrent.for(['keep', 'gather'] as const)(
    `${name}: a line that kills its reader every time ends as unreadable, and only that line (%s)`,
    { timeout: 240_000 },
    async (mode, context) => {
      const { expect } = context;
      const under = await prepare();
      const publisher = await under.open({ reads: false });
      const poison = numbered(500, 500, 'POISON');
      await publisher.publish([...numbered(1, 20), ...poison, ...numbered(21, 40)]);
      let deaths = 0;
      let survivor: ChildReader | undefined;
      while (survivor === undefined && deaths < 12) {
        const child = reader(context, under, mode);
        const outcome = await Promise.race([
          child.died.then(() => 'dead' as const),
          expect
            .poll(() => new Set(child.lines).size, { timeout: 60_000 })
            .toBe(40)
            .then(() => 'alive' as const),
        ]).catch(() => 'dead' as const);
        if (outcome === 'alive') survivor = child;
        else {
          deaths += 1;
          await child.kill();
        }
      }
      expect(deaths).toBeGreaterThanOrEqual(3);
      expect(deaths).toBeLessThanOrEqual(6);
      await expect.poll(() => survivor?.unreadable.map(({ line }) => line), patience).toEqual(poison);
      expect(survivor?.unreadable[0]?.reason).toMatch(/reader died/);
      expect(new Set(survivor?.lines)).toEqual(new Set(numbered(1, 40)));
      await publisher.close();
    },
  );

  test.concurrent(`${name}: while the store is slow, nobody takes the reader's lines away`, async ({ expect }) => {
    const under = await prepare();
    const slow = await under.open();
    await slow.publish(numbered(1, 30));
    const { end } = await readUntil(slow, 30);
    const other = await under.open();
    // Much longer than a dead reader would have.
    const others = await readFor(other, 2.5 * takeoverMs);
    // A rebalance when the second reader joins may give it lines that the first one holds; none may come after that.
    expect(await readFor(other, 1.5 * takeoverMs)).toEqual([]);
    if (under.kind === 'redis') expect(others).toEqual([]);
    await slow.acknowledge(end);
    await Promise.all([slow.close(), other.close()]);
  }, 120_000);

  test.concurrent(`${name}: killed with kill -9 under traffic and started again, it has all that was confirmed, and reading goes on`, async ({
    expect,
    onTestFinished,
    skip,
  }) => {
    const own = await startOwn();
    if (own === undefined) return skip('it is not installed');
    onTestFinished(() => own.close());
    const under = await own.prepare();
    const queue = await under.open({ publishTimeoutMs: 2000 });
    const confirmed: string[] = [];
    const found = new Set<string>();
    let failures = 0;
    let sequence = 0;
    let isDone = false;
    let isAllPublished = false;
    const publishing = (async () => {
      while (!isDone) {
        const lines = spread(sequence + 1, sequence + 20);
        sequence += 20;
        await queue.publish(lines).then(
          () => confirmed.push(...lines),
          async () => {
            failures += 1;
            await new Promise((resolve) => setTimeout(resolve, 50));
          },
        );
      }
    })();
    const reading = (async () => {
      for (let batches = 0; ; ) {
        const batch = await queue.read(100, 200, NEVER).catch(() => undefined);
        for (const line of batch?.lines ?? []) found.add(line);
        if (batch !== undefined && batch.lines.length > 0 && ++batches % 3 === 0) await queue.acknowledge(batch.end);
        if (isAllPublished && confirmed.every((line) => found.has(line))) return;
      }
    })();
    await expect.poll(() => found.size, patience).toBeGreaterThan(200);
    await own.kill();
    await expect.poll(() => failures, patience).toBeGreaterThan(1);
    await own.start();
    const before = confirmed.length;
    await expect.poll(() => confirmed.length, patience).toBeGreaterThan(before + 200);
    isDone = true;
    await publishing;
    isAllPublished = true;
    await expect.poll(() => confirmed.filter((line) => !found.has(line)).length, { timeout: 60_000 }).toBe(0);
    await reading;
    await queue.close();
  }, 180_000);

  test.concurrent(`${name}: it opens while the broker is away, says so, and works when it is there`, async ({
    expect,
    onTestFinished,
    skip,
  }) => {
    const own = await startOwn();
    if (own === undefined) return skip('it is not installed');
    onTestFinished(() => own.close());
    const under = await own.prepare();
    await own.kill();
    const queue = await under.open({ publishTimeoutMs: 2000 });
    await expect(queue.publish(numbered(1, 1))).rejects.toMatchObject({
      code: expect.stringMatching(/UNREACHABLE|TIMEOUT/),
      message: expect.stringContaining('127.0.0.1'),
    });
    await expect
      .poll(() => queue.read(1, 100, NEVER).catch((error: unknown) => String(error)), patience)
      .toMatch(/127\.0\.0\.1/);
    await own.start();
    await expect
      .poll(
        () =>
          queue.publish(numbered(1, 1)).then(
            () => true,
            () => false,
          ),
        patience,
      )
      .toBe(true);
    expect(new Set((await readUntil(queue, 1)).lines)).toEqual(new Set(numbered(1, 1)));
    await queue.close();
    expect((await drainQuietly(under)).length).toBeLessThanOrEqual(1);
  }, 180_000);

  test.concurrent(`${name}: a reader killed with kill -9 loses nothing: another one gets what it had not acknowledged`, async (context) => {
    const { expect } = context;
    const under = await prepare();
    const queue = await under.open({ reads: false });
    await queue.publish(numbered(1, 50));
    const child = reader(context, under, 'keep');
    await expect.poll(() => new Set(child.lines).size, patience).toBe(50);
    await child.kill();
    const heir = await under.open();
    await queue.publish(numbered(51, 60));
    const { lines, end } = await readUntil(heir, 60);
    expect(new Set(lines)).toEqual(new Set(numbered(1, 60)));
    await heir.acknowledge(end);
    await heir.close();
    const later = await under.open();
    await later.publish(numbered(61, 61));
    expect((await readUntil(later, 1)).lines).toEqual(numbered(61, 61));
    await Promise.all([queue.close(), later.close()]);
  }, 90_000);

  test.concurrent(`${name}: two readers of a group share the work, and no line goes to both`, async (context) => {
    const { expect } = context;
    const under = await prepare();
    const publisher = await under.open({ reads: false });
    const readers = [reader(context, under, 'acknowledge'), reader(context, under, 'acknowledge')];
    const all = () => readers.flatMap(({ lines }) => lines);
    let published = 0;
    // Until both have had something: how long that takes is the broker's affair.
    await expect
      .poll(async () => {
        const batch = spread(published + 1, published + 100);
        await publisher.publish(batch);
        published += batch.length;
        return readers.every(({ lines }) => lines.length > 0);
      }, patience)
      .toBe(true);
    const from = published + 1;
    await expect.poll(() => new Set(all()).size, patience).toBe(published);
    const settled = spread(from, from + 999);
    const before = readers.map(({ lines }) => lines.length);
    await publisher.publish(settled);
    await expect.poll(() => new Set(all()).size, patience).toBe(published + 1000);
    const shares = readers.map(({ lines }, i) => lines.slice(before[i]));
    expect(shares.map(({ length }) => length).reduce((sum, length) => sum + length)).toBe(1000);
    expect(Math.min(...shares.map(({ length }) => length))).toBeGreaterThan(0);
    await publisher.close();
  }, 90_000);

  test.concurrent(`${name}: a process that comes to a backlog doesn't take it for younger than it is`, async ({
    expect,
  }) => {
    const under = await prepare();
    const publisher = await under.open({ reads: false });
    await publisher.publish(numbered(1, 20));
    const published = Date.now();
    // By the clock of another machine or not: that it came later is to be beyond doubt.
    await expect.poll(() => Date.now()).toBeGreaterThan(published + 1000);
    const watcher = await under.open({ reads: false });
    await expect.poll(() => watcher.stats().depthLines, patience).toBe(20);
    expect(watcher.stats().passedMs).toBeLessThanOrEqual(published);
    const reader = await under.open();
    const { end } = await readUntil(reader, 20);
    expect(reader.stats().passedMs).toBeLessThanOrEqual(published);
    expect(watcher.stats().passedMs).toBeLessThanOrEqual(published);
    await reader.acknowledge(end);
    for (const { stats } of [watcher, reader])
      await expect.poll(() => stats().passedMs, patience).toBeGreaterThan(published);
    await Promise.all([publisher.close(), watcher.close(), reader.close()]);
  }, 60_000);

  test.concurrent(`${name}: entries that are no lines come out as unreadable, and the lines around them as lines`, async ({
    expect,
  }) => {
    const under = await prepare();
    const queue = await under.open({ maxLineBytes: 10_000 });
    await queue.publish(numbered(1, 3));
    await under.putRaw(Buffer.from('not a line'));
    await under.putRaw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
    await under.putRaw(Buffer.from(`{"text":"${'x'.repeat(20_000)}"}`));
    await under.putRaw(Buffer.from('{"a":1}\n{"b":2}'));
    await under.putRaw(undefined);
    await queue.publish(numbered(4, 6));
    const { lines, unreadable, end } = await readUntil(queue, 11);
    expect(new Set(lines)).toEqual(new Set(numbered(1, 6)));
    const reasons = unreadable.map(({ reason }) => reason).join('; ');
    for (const reason of ['not a JSON object', 'not UTF-8', 'at most 10000', 'line feed', /without|no line/]) {
      expect(reasons).toMatch(reason);
    }
    expect(unreadable).toHaveLength(5);
    await queue.acknowledge(end);
    await expect.poll(() => queue.stats().depthLines, patience).toBe(0);
    await queue.close();
  }, 60_000);

  test.concurrent(`${name}: closing gives the work to the others at once`, async ({ expect }) => {
    const under = await prepare();
    const first = await under.open(contract.slowDeath);
    await first.publish(numbered(1, 20));
    await readUntil(first, 20);
    const second = await under.open();
    await first.close();
    expect(new Set((await readUntil(second, 20, 30_000)).lines)).toEqual(new Set(numbered(1, 20)));
    await second.close();
  }, 60_000);

  // These two look at all that this process has: its connections, and its memory.
  test(`${name}: with its connections cut again and again, nothing that was confirmed is missing`, async () => {
    const under = await prepare();
    const queue = await under.open();
    await queue.publish(numbered(1, 1));
    await readUntil(queue, 1);
    const confirmed = [...numbered(1, 1)];
    let sequence = 1;
    let cuts = 0;
    const found = new Set<string>(confirmed);
    for (let round = 0; round < 15; round += 1) {
      const lines = numbered(sequence + 1, sequence + 10);
      sequence += 10;
      await queue.publish(lines).then(
        () => confirmed.push(...lines),
        () => {},
      );
      cuts += under.cut();
      const batch = await queue.read(100, 200, NEVER).catch(() => undefined);
      for (const line of batch?.lines ?? []) found.add(line);
      if (batch !== undefined && batch.lines.length > 0 && round % 2 === 0) await queue.acknowledge(batch.end);
    }
    expect(cuts).toBeGreaterThan(5);
    const missing = () => confirmed.filter((line) => !found.has(line));
    if (missing().length > 0) {
      await readWhile(queue, (more) => {
        for (const line of more.lines) found.add(line);
        return missing().length > 0;
      });
    }
    expect(missing()).toEqual([]);
    await queue.close();
  }, 90_000);

  test(`${name}: a reader that nobody reads from fetches no more than its bound`, async () => {
    const under = await prepare();
    const publisher = await under.open({ reads: false });
    const text = randomBytes(5000).toString('hex');
    for (let from = 1; from < 8000; from += 100) await publisher.publish(numbered(from, from + 99, text));
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const queue = await under.open({ bufferBytes: 1_000_000 });
    const first = await queue.read(1, 30_000, NEVER);
    expect(first.lines).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 2 * takeoverMs));
    globalThis.gc?.();
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    expect(after - before).toBeLessThan(40_000_000);
    const rest = await readUntil(queue, 7999);
    expect(new Set([...first.lines, ...rest.lines]).size).toBe(8000);
    await Promise.all([publisher.close(), queue.close()]);
  }, 120_000);

  function reader(
    context: TestContext,
    under: BrokerQueueUnderTest,
    mode: 'keep' | 'acknowledge' | 'gather',
  ): ChildReader {
    const child = startReader(under.kind, under.options, mode);
    context.onTestFinished(() => child.kill());
    return child;
  }
}

/** Lines of many traces, so that they go to all partitions. */
function spread(from: number, to: number): string[] {
  return numbered(from, to).map((line, i) => line.replace(/trace-\d/, `trace-${from + i}`));
}

async function readFor(queue: Queue, ms: number): Promise<readonly string[]> {
  const untilMs = performance.now() + ms;
  const lines: string[] = [];
  while (performance.now() < untilMs) lines.push(...(await queue.read(100, 100, NEVER)).lines);
  return lines;
}

async function drainQuietly(under: BrokerQueueUnderTest): Promise<readonly string[]> {
  const queue = await under.open();
  const { lines } = await drain(queue);
  await queue.close();
  return lines;
}
