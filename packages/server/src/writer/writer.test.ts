import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type MemoryDisk, memoryDisk, openMemoryStore } from '../../tests/memory-store.ts';
import { eventLine, eventually, temporaryFolder } from '../../tests/test-server.ts';
import type { Queue } from '../queue/queue.ts';
import { openSpoolQueue } from '../queue/spool-queue.ts';
import { LedgerBook } from './ledger-book.ts';
import { Pace } from './pace.ts';
import { Writer, type WriterOptions } from './writer.ts';

const P = '0mb1x9k3fqz7a';

interface Setup {
  readonly queue: Queue;
  readonly writer: Writer;
  readonly book: LedgerBook;
  readonly log: string[];
  readonly buried: string[];
}

async function startWriter(disk: MemoryDisk, directory: string, options: Partial<WriterOptions> = {}): Promise<Setup> {
  const store = openMemoryStore(disk);
  const from = store.checkpoint?.position;
  const queue = await openSpoolQueue({ directory, fsync: 'off', maxBytes: 64 * 1024 * 1024, from });
  const book = new LedgerBook(
    { maxProducers: 100, graceMs: 0, passedMs: Number.POSITIVE_INFINITY, now: Date.now },
    store.checkpoint?.ledger,
  );
  const log: string[] = [];
  const buried: string[] = [];
  const writer = new Writer({
    queue,
    store,
    book,
    pace: new Pace({ maxBytes: 1024 * 1024, stallMs: 1000 }),
    bury: async (letters) => {
      buried.push(...letters.map(({ line }) => line));
    },
    commitLines: 10,
    commitBytes: 1_000_000,
    commitSeconds: 0.02,
    log: (_level, message) => log.push(message),
    ...options,
  });
  await writer.replay();
  writer.start();
  onTestFinished(async () => {
    await writer.close();
    await queue.close();
  });
  return { queue, writer, book, log, buried };
}

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => eventLine(P, from + i));
const idsOn = (disk: MemoryDisk): string[] => disk.lines.map(({ line }) => String(JSON.parse(line).event_id));

test('what fails is tried again until it works, nothing is skipped, and health says so meanwhile', async () => {
  const disk = memoryDisk();
  const { queue, writer, log } = await startWriter(disk, join(temporaryFolder(), 'queue'));
  disk.insertFaults.push(new Error('disk full'), new Error('disk full'));
  disk.commitFaults.push(new Error('no commit'), new Error('no commit'));
  await queue.publish(lines(1, 30));
  await eventually(
    async () => writer.stats().failure,
    (failure) => failure?.includes('disk full') === true,
  );
  await eventually(
    async () => writer.stats().failure,
    (failure) => failure?.includes('no commit') === true,
  );
  await eventually(
    async () => disk.lines.length,
    (count) => count === 30,
  );
  await eventually(
    async () => writer.stats().failure,
    (failure) => failure === undefined,
  );
  expect(idsOn(disk)).toEqual(lines(1, 30).map((line) => JSON.parse(line).event_id));
  // Each kind of failure is told once, not at each try.
  expect(log.filter((message) => message.includes('disk full'))).toHaveLength(1);
  expect(log.filter((message) => message.includes('no commit'))).toHaveLength(1);
});

test('a line that is in the queue twice is stored once', async () => {
  const disk = memoryDisk();
  const { queue, writer, book } = await startWriter(disk, join(temporaryFolder(), 'queue'));
  await queue.publish([...lines(1, 5), ...lines(3, 7)]);
  await queue.publish(lines(1, 8));
  await eventually(
    async () => disk.lines.length,
    (count) => count >= 8,
  );
  expect(new Set(idsOn(disk)).size).toBe(8);
  expect(disk.lines).toHaveLength(8);
  expect(writer.stats().duplicates).toBe(10);
  expect(book.report().totals.duplicates).toBe(10);
});

test('what was inserted and not committed is read again after a crash, and known before the first request', async () => {
  const disk = memoryDisk();
  const directory = join(temporaryFolder(), 'queue');
  const first = await startWriter(disk, directory, { commitSeconds: 3600, commitLines: 20 });
  await first.queue.publish(lines(1, 20));
  await eventually(
    async () => disk.lines.length,
    (count) => count === 20,
  );
  await first.queue.publish(lines(21, 25));
  await eventually(
    async () => first.writer.stats().inserted,
    (count) => count === 25,
  );
  // The crash: nothing of the first is closed, and the store forgets what it had not committed.
  const second = await startWriter(disk, directory, { commitSeconds: 0.02 });
  expect(second.book.claim(P, 25, second.book.publication())).toEqual({ kind: 'duplicate' });
  await eventually(
    async () => disk.lines.length,
    (count) => count >= 25,
  );
  expect(idsOn(disk)).toEqual(lines(1, 25).map((line) => JSON.parse(line).event_id));
});

test('a line of the queue that is no event is buried, and the others go on', async () => {
  const disk = memoryDisk();
  const { queue, buried } = await startWriter(disk, join(temporaryFolder(), 'queue'));
  await queue.publish([...lines(1, 1), '{"what":"is this"}', ...lines(2, 2)]);
  await eventually(
    async () => disk.lines.length,
    (count) => count === 2,
  );
  expect(buried).toEqual(['{"what":"is this"}']);
});
