import { createRedactor } from 'tailrace/redaction';
import { expect, test } from 'vitest';
import { eventLine } from '../../tests/test-server.ts';
import { createLiveTail } from '../api/live-tail.ts';
import { type Queue, QueueFullError } from '../queue/queue.ts';
import { LedgerBook } from '../writer/ledger-book.ts';
import { Pace } from '../writer/pace.ts';
import { createLineCheck } from './check-line.ts';
import { Ingest } from './ingest.ts';

const P = '0mb1x9k3fqz7a';

/** A queue whose every publish waits until the test lets it succeed or fail. */
function heldQueue() {
  const held: { succeed(): void; fail(): void }[] = [];
  const published: string[] = [];
  const queue: Queue = {
    placeIn: 'store',
    publish: (lines) =>
      new Promise((resolve, reject) => {
        held.push({
          succeed: () => {
            published.push(...lines);
            resolve();
          },
          fail: () => reject(new QueueFullError('full')),
        });
      }),
    seek: async () => {},
    read: async () => ({ lines: [], unreadable: [], end: '1:0' }),
    acknowledge: async () => {},
    stats: () => ({ depthBytes: 0, ageSeconds: 0, passedMs: Date.now() }),
    close: async () => {},
  };
  return { queue, held, published };
}

test('nobody is told "duplicate" of an event whose publish fails: the other takes its turn', async () => {
  const { queue, held, published } = heldQueue();
  const ingest = new Ingest({
    queue,
    book: new LedgerBook({ maxProducers: 10, graceMs: 0, passedMs: Number.POSITIVE_INFINITY, now: Date.now }),
    check: createLineCheck({ redactor: createRedactor(), maxLineBytes: 10_000, now: Date.now }),
    bury: async () => {},
    live: createLiveTail({ maxClients: 1, backlogLines: 1 }),
    pace: new Pace({ maxBytes: 1024 * 1024, stallMs: 1000 }),
    producer: 'server0000001',
  });
  const line = eventLine(P, 1);
  const item = { kind: 'value', number: 1, value: JSON.parse(line), bytes: line.length } as const;
  const first = ingest.accept([item], 'http');
  const second = ingest.accept([item], 'http');
  let isAnswered = false;
  void second.then(() => {
    isAnswered = true;
  });
  await expect.poll(() => held.length).toBe(1);

  held[0]?.fail();
  await expect(first).rejects.toThrow(QueueFullError);
  await expect.poll(() => held.length).toBe(2);
  expect(isAnswered).toBe(false);
  held[1]?.succeed();
  expect(await second).toEqual({ accepted: 1, duplicates: 0, refused: [] });
  expect(published).toHaveLength(1);
  expect(await ingest.accept([item], 'http')).toEqual({ accepted: 0, duplicates: 1, refused: [] });
});
