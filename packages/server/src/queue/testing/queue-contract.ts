/** What every queue must hold to, whatever it is made of. An adapter's test calls {@link describeQueue}. */
import { expect, test } from 'vitest';
import type { Queue } from '../queue.ts';
import { drain, NEVER, numbered, readUntil } from './read-lines.ts';

export interface QueueUnderTest {
  /** Opens the same queue again, as a new process would after the old one was killed. @param from - the place in the store's checkpoint */
  open(from: string | undefined): Promise<Queue>;
  /** A queue whose bound is so near that a line of 100 kB fits a few times only, left out where the adapter has no bound. */
  openBounded?(): Promise<{ readonly queue: Queue; readonly makeRoom?: () => Promise<void> }>;
}

export function describeQueue(name: string, prepare: () => Promise<QueueUnderTest>): void {
  test(`${name}: lines come out byte for byte, in order within their key`, async () => {
    const queue = await (await prepare()).open(undefined);
    await queue.seek(undefined);
    const published = numbered(1, 40);
    await queue.publish(published.slice(0, 20));
    await queue.publish(published.slice(20));
    const { lines } = await readUntil(queue, 40);
    expect([...lines].sort()).toEqual([...published].sort());
    for (const key of ['trace-0', 'trace-1', 'trace-2']) {
      const ofKey = (all: readonly string[]) => all.filter((line) => line.includes(`"${key}"`));
      expect(ofKey(lines)).toEqual(ofKey(published));
    }
    await queue.close();
  });

  test(`${name}: a batch holds no more lines than were asked for`, async () => {
    const queue = await (await prepare()).open(undefined);
    await queue.seek(undefined);
    await queue.publish(numbered(1, 50));
    const sizes: number[] = [];
    const found = new Set<string>();
    while (found.size < 50) {
      const { lines } = await queue.read(7, 10_000, NEVER);
      for (const line of lines) found.add(line);
      sizes.push(lines.length);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    await queue.close();
  });

  test(`${name}: a read waits for the first line, and ends when its time is over or its signal aborts`, async () => {
    const queue = await (await prepare()).open(undefined);
    await queue.seek(undefined);
    const waiting = queue.read(10, 30_000, NEVER);
    await queue.publish(numbered(1, 1));
    expect((await waiting).lines).toEqual(numbered(1, 1));
    expect((await queue.read(10, 1, NEVER)).lines).toEqual([]);

    const stop = new AbortController();
    const stopped = queue.read(10, 30_000, stop.signal);
    stop.abort();
    expect((await stopped).lines).toEqual([]);
    await queue.close();
  });

  test(`${name}: what isn't acknowledged comes again for the next process, and what is doesn't`, async () => {
    const under = await prepare();
    const first = await under.open(undefined);
    await first.seek(undefined);
    await first.publish(numbered(1, 10));
    const stored = await readUntil(first, 10);
    await first.acknowledge(stored.end);
    await first.publish(numbered(11, 30));
    await readUntil(first, 20);
    await first.close();
    const second = await under.open(stored.end);
    await second.seek(stored.end);
    expect([...(await readUntil(second, 20)).lines].sort()).toEqual([...numbered(11, 30)].sort());
    await second.publish(numbered(31, 33));
    expect([...(await readUntil(second, 3)).lines].sort()).toEqual(numbered(31, 33));
    await second.close();
  });

  test(`${name}: depth and age grow, and fall to nothing when all is acknowledged`, async () => {
    const queue = await (await prepare()).open(undefined);
    await queue.seek(undefined);
    await expect.poll(() => queue.stats()).toMatchObject({ depthBytes: 0, ageSeconds: 0 });
    // It can say that it has passed a time only when it knows of nothing older.
    const before = Date.now();
    await expect.poll(() => queue.stats().passedMs, { timeout: 10_000 }).toBeGreaterThan(before);
    await queue.publish(numbered(1, 5));
    const published = Date.now();
    await expect.poll(() => queue.stats().depthBytes, { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => queue.stats().ageSeconds, { timeout: 10_000 }).toBeGreaterThan(0);
    const { end } = await readUntil(queue, 5);
    expect(queue.stats().depthBytes).toBeGreaterThan(0);
    expect(queue.stats().passedMs).toBeLessThanOrEqual(published);
    await queue.acknowledge(end);
    await expect.poll(() => queue.stats().passedMs, { timeout: 10_000 }).toBeGreaterThan(published);
    await expect.poll(() => queue.stats(), { timeout: 10_000 }).toMatchObject({ depthBytes: 0, ageSeconds: 0 });
    await queue.close();
  });

  test(`${name}: at its bound it says so, keeps what it took, and takes lines again when there is room`, async ({
    skip,
  }) => {
    const { openBounded } = await prepare();
    if (openBounded === undefined) return skip('this queue has no bound of its own');
    const { queue, makeRoom } = await openBounded();
    await queue.seek(undefined);
    let taken = 0;
    const full = await (async () => {
      for (;;) {
        try {
          await queue.publish([JSON.stringify({ taken, text: 'x'.repeat(100_000) })]);
          taken += 1;
        } catch (error) {
          return error;
        }
      }
    })();
    expect(full).toMatchObject({ code: 'QUEUE_FULL' });
    await makeRoom?.();
    const { lines, end } = await readUntil(queue, taken);
    expect(lines).toHaveLength(taken);
    expect((await drain(queue)).lines).toEqual([]);
    await queue.acknowledge(end);
    const publishes = () =>
      queue.publish(numbered(1, 1)).then(
        () => true,
        () => false,
      );
    await expect.poll(publishes, { timeout: 15_000 }).toBe(true);
    await queue.close();
  });
}
