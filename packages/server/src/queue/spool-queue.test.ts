import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../tests/test-server.ts';
import { Shape } from '../store/event-row.ts';
import { openSpoolQueue } from './spool-queue.ts';
import { describeQueue } from './testing/queue-contract.ts';
import { drain, readUntil } from './testing/read-lines.ts';

const MIB = 1024 * 1024;

for (const fsync of ['always', 'off', 50] as const) {
  describeQueue(`spool, fsync ${fsync}`, async () => {
    const directory = join(temporaryFolder(), 'queue');
    return {
      open: (from) => openSpoolQueue({ directory, fsync, maxBytes: 64 * MIB, from }),
      openBounded: async () => ({
        queue: await openSpoolQueue({ directory, fsync, maxBytes: 2 * MIB, from: undefined }),
      }),
    };
  });
}

test('a new store starts at the oldest line that is left', async () => {
  const queue = await openSpoolQueue({
    directory: join(temporaryFolder(), 'queue'),
    fsync: 'off',
    maxBytes: 64 * MIB,
    from: undefined,
  });
  await queue.seek(undefined);
  await queue.publish(['{"n":1}', '{"n":2}']);
  await readUntil(queue, 2);
  await queue.seek(undefined);
  expect((await drain(queue)).lines).toEqual(['{"n":1}', '{"n":2}']);
  await queue.close();
});

// From memory, from the disk, and changing between them all the time.
for (const recentBytes of [MIB, 0, 700]) {
  test(`with ${recentBytes} bytes of memory, lines come out once and in order however they are read`, async () => {
    const step = fc.oneof(
      fc.record({ publish: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ idle: fc.constant(true) }),
      fc.record({ acknowledge: fc.constant(true) }),
      fc.record({ seek: fc.constant(true) }),
    );
    const never = new AbortController().signal;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const directory = join(temporaryFolder(), 'queue');
        const queue = await openSpoolQueue({
          directory,
          fsync: 'off',
          maxBytes: 64 * MIB,
          from: undefined,
          recentBytes,
        });
        await queue.seek(undefined);
        const published: string[] = [];
        let read = 0;
        let end: string | undefined;
        let acknowledged: string | undefined;
        let acknowledgedLines = 0;
        const readSome = async (maxLines: number, waitMs: number) => {
          const batch = await queue.read(maxLines, waitMs, never);
          expect(batch.lines.length).toBeLessThanOrEqual(maxLines);
          expect(batch.lines).toEqual(published.slice(read, read + batch.lines.length));
          batch.checked?.forEach((checked, i) => {
            expect(checked?.sequence).toBe(read + i + 1);
          });
          read += batch.lines.length;
          if (batch.lines.length > 0) end = batch.end;
          return batch.lines.length;
        };
        for (const what of steps) {
          if ('publish' in what) {
            const from = published.length;
            for (let n = from + 1; n <= from + what.publish; n += 1) published.push(`{"n":${n},"text":"\u00e9"}`);
            const row = { known: '{', attributes: '{}', shape: Shape.empty, fields: {}, isSampled: false };
            const lines = published.slice(from);
            await queue.publish(
              lines,
              lines.map((_, i) => ({ producer: '0mb1x9k3fqz7a', sequence: from + i + 1, timestampMs: 0, row })),
            );
          } else if ('read' in what) await readSome(what.read, 0);
          else if ('idle' in what) await readSome(10, 2);
          else if ('acknowledge' in what && end !== undefined) {
            await queue.acknowledge(end);
            acknowledged = end;
            acknowledgedLines = read;
          } else if ('seek' in what) {
            await queue.seek(acknowledged);
            read = acknowledgedLines;
            end = undefined;
          }
        }
        while ((await readSome(25, 0)) > 0);
        expect(read).toBe(published.length);
        await queue.close();
      }),
      { numRuns: 40 },
    );
  });
}

test('a start at the end of a segment that was let go meanwhile goes on behind it, and has nothing to say', async () => {
  const directory = join(temporaryFolder(), 'queue');
  const never = new AbortController().signal;
  const notices: string[] = [];
  const open = (from: string | undefined) =>
    openSpoolQueue({
      directory,
      fsync: 'off',
      maxBytes: 64 * MIB,
      from,
      recentBytes: 0,
      onNotice: ({ message }) => notices.push(message),
    });
  const first = await open(undefined);
  await first.seek(undefined);
  const body = 'x'.repeat(MIB - 100);
  for (let n = 1; n <= 24; n += 1) await first.publish([JSON.stringify({ n, body })]);
  let end = '';
  for (;;) {
    const batch = await first.read(1000, 10, never);
    if (!batch.end.startsWith('1:')) break;
    end = batch.end;
  }
  await first.acknowledge(end);
  await first.close();
  expect(await readdir(directory)).not.toContain('00000001.ndjson');

  for (let start = 0; start < 2; start += 1) {
    const second = await open(end);
    await second.seek(end);
    const { lines } = await drain(second);
    expect(lines.at(-1)).toContain('{"n":24,');
    await second.close();
  }
  expect(notices).toEqual([]);
});
