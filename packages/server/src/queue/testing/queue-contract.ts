/**
 * What every queue must hold to, whatever it is made of. An adapter's test calls {@link describeQueue} with a way to open
 * it; `reopen` is what a new process would see after the old one was killed.
 */
import { expect, test } from 'vitest';
import type { Queue } from '../src/queue/queue.ts';

export interface QueueUnderTest {
  /** Opens the same queue again. @param from - the place in the store's checkpoint */
  open(from: string | undefined): Promise<Queue>;
  /** A queue whose bound is so near that `line` fits a few times only, `undefined` where the adapter has no bound. */
  openBounded?(): Promise<Queue>;
}

const NEVER = new AbortController().signal;
const line = (n: number): string => `{"n":${n},"text":"line ${n} \u2713"}`;
const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));

async function readAll(queue: Queue): Promise<{ lines: string[]; end: string | undefined }> {
  const found: string[] = [];
  let end: string | undefined;
  for (;;) {
    const batch = await queue.read(7, 0, NEVER);
    if (batch.lines.length === 0) return { lines: found, end };
    found.push(...batch.lines);
    end = batch.end;
  }
}

export function describeQueue(name: string, prepare: () => QueueUnderTest): void {
  test(`${name}: lines come out as they went in, in order`, async () => {
    const queue = await prepare().open(undefined);
    await queue.seek(undefined);
    await queue.publish(lines(1, 20));
    await queue.publish(lines(21, 40));
    expect((await readAll(queue)).lines).toEqual(lines(1, 40));
    await queue.close();
  });

  test(`${name}: a read waits for the first line, and no longer than it was told`, async () => {
    const queue = await prepare().open(undefined);
    await queue.seek(undefined);
    const waiting = queue.read(10, 30_000, NEVER);
    await queue.publish(lines(1, 2));
    expect((await waiting).lines).toEqual(lines(1, 2));
    expect((await queue.read(10, 1, NEVER)).lines).toEqual([]);

    const stop = new AbortController();
    const stopped = queue.read(10, 30_000, stop.signal);
    stop.abort();
    expect((await stopped).lines).toEqual([]);
    await queue.close();
  });

  test(`${name}: what isn't acknowledged is there for the next process, from the place that it names`, async () => {
    const under = prepare();
    const first = await under.open(undefined);
    await first.seek(undefined);
    await first.publish(lines(1, 30));
    const batch = await first.read(10, 0, NEVER);
    await first.acknowledge(batch.end);
    await first.read(10, 0, NEVER);
    // Killed: nothing is closed.
    const second = await under.open(batch.end);
    await second.seek(batch.end);
    expect((await readAll(second)).lines).toEqual(lines(11, 30));
    await second.publish(lines(31, 33));
    expect((await readAll(second)).lines).toEqual(lines(31, 33));
    await second.close();
    await first.close();
  });

  test(`${name}: a new store starts at the oldest line that is left`, async () => {
    const queue = await prepare().open(undefined);
    await queue.seek(undefined);
    await queue.publish(lines(1, 5));
    await readAll(queue);
    await queue.seek(undefined);
    expect((await readAll(queue)).lines).toEqual(lines(1, 5));
    await queue.close();
  });

  test(`${name}: depth and age fall to nothing when all is acknowledged`, async () => {
    const queue = await prepare().open(undefined);
    await queue.seek(undefined);
    expect(queue.stats()).toEqual({ depthBytes: 0, ageSeconds: 0 });
    await queue.publish(lines(1, 5));
    expect(queue.stats().depthBytes).toBeGreaterThan(0);
    const { end } = await readAll(queue);
    await queue.acknowledge(end ?? '');
    expect(queue.stats()).toEqual({ depthBytes: 0, ageSeconds: 0 });
    await queue.close();
  });

  test(`${name}: at its bound it says so, and takes lines again when there is room`, async ({ skip }) => {
    const { openBounded } = prepare();
    if (openBounded === undefined) return skip('this queue has no bound of its own');
    const queue = await openBounded();
    await queue.seek(undefined);
    const big = [JSON.stringify({ text: 'x'.repeat(100_000) })];
    let taken = 0;
    const full = await (async () => {
      for (;;) {
        try {
          await queue.publish(big);
          taken += 1;
        } catch (error) {
          return error;
        }
      }
    })();
    expect(full).toMatchObject({ code: 'QUEUE_FULL' });
    const { lines: found, end } = await readAll(queue);
    expect(found).toHaveLength(taken);
    await queue.acknowledge(end ?? '');
    await expect
      .poll(
        () =>
          queue.publish(lines(1, 1)).then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true);
    await queue.close();
  });
}
