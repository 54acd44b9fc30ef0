import { randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cutConnections } from '../../../../tests/cut-connections.ts';
import { needService, type RunningService, startService } from '../../../../tests/services.ts';
import { openRedisQueue, type RedisQueueOptions } from './redis-streams.ts';
import { type BrokerQueueUnderTest, describeBrokerQueue } from './testing/broker-queue-contract.ts';
import { describeQueue } from './testing/queue-contract.ts';
import { NEVER, numbered, readUntil } from './testing/read-lines.ts';

const shared = await needService('redis');
const LEASE_MS = 1500;

function underTest(service: RunningService): BrokerQueueUnderTest & { readonly options: RedisQueueOptions } {
  const options: RedisQueueOptions = { url: service.url, stream: `queue-${randomUUID()}`, leaseMs: LEASE_MS };
  return {
    kind: 'redis',
    options,
    open: (more) => openRedisQueue({ ...options, ...more }),
    putRaw: (value) =>
      withClient(service.url, async (client) => {
        const fields = value === undefined ? ['other', 'fields'] : ['id', '', 'line', value];
        await client.sendCommand(['XADD', options.stream ?? '', '*', ...fields]);
      }),
    cut: () => cutConnections(service.port),
  };
}

async function connect(url: string) {
  const client = createClient({ url });
  await client.connect();
  return client;
}

async function withClient<T>(
  url: string,
  work: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

describe.skipIf(shared === undefined)('the queue on Redis Streams', () => {
  if (shared === undefined) return;

  describeQueue('redis', async () => {
    const under = underTest(shared);
    return { open: () => under.open(), openBounded };
  });

  async function openBounded() {
    const own = await startService('redis');
    if (own === undefined) throw new Error('Redis is running and not installed');
    onTestFinished(() => own.close());
    const setBound = (bound: string) => withClient(own.url, (client) => client.configSet('maxmemory', bound));
    await setBound('4mb');
    return { queue: await underTest(own).open(), makeRoom: () => setBound('64mb').then(() => {}) };
  }

  describeBrokerQueue('redis', {
    prepare: async () => underTest(shared),
    startOwn: async () => {
      const own = await startService('redis');
      return own && { prepare: async () => underTest(own), kill: own.kill, start: own.start, close: own.close };
    },
    takeoverMs: LEASE_MS,
    slowDeath: { leaseMs: 60_000 },
  });

  test('what is acknowledged leaves the memory of Redis, and readers that are gone leave no name behind', async () => {
    const under = underTest(shared);
    const queue = await under.open();
    await queue.publish(numbered(1, 1200));
    const { end } = await readUntil(queue, 1200);
    await queue.acknowledge(end);
    const stream = under.options.stream ?? '';
    expect(await withClient(shared.url, (client) => client.xLen(stream))).toBe(0);
    await queue.close();
    expect(await withClient(shared.url, (client) => client.xInfoConsumers(stream, 'tailrace-writers'))).toEqual([]);
  });

  test('with a second group on the stream, an entry stays until both have acknowledged it', async () => {
    const under = underTest(shared);
    const ours = await under.open();
    const theirs = await under.open({ group: 'others' });
    await ours.publish(numbered(1, 10));
    await ours.acknowledge((await readUntil(ours, 10)).end);
    const found = await readUntil(theirs, 10);
    expect(new Set(found.lines)).toEqual(new Set(numbered(1, 10)));
    await expect.poll(() => ours.stats().depthLines, { timeout: 10_000 }).toBe(0);
    await theirs.acknowledge(found.end);
    const length = () => withClient(shared.url, (client) => client.xLen(under.options.stream ?? ''));
    // One entry marks the place up to which all is acknowledged.
    await expect.poll(length, { timeout: 10_000 }).toBeLessThanOrEqual(1);
    await Promise.all([ours.close(), theirs.close()]);
  });

  test('a stream or group that may not be made is named by read and publish', async () => {
    const queue = await underTest(shared).open({ createStream: false });
    await expect(queue.publish(numbered(1, 1))).rejects.toMatchObject({ code: 'MISSING' });
    await expect.poll(() => queue.read(1, 50, NEVER).catch(String)).toMatch(/XGROUP CREATE queue-/);
    await queue.close();
  });

  test('a place of another reader is left alone', async () => {
    const under = underTest(shared);
    const readers = [await under.open(), await under.open()] as const;
    const ends: string[] = [];
    let published = 0;
    while (ends[0] === undefined || ends[1] === undefined) {
      published += 1;
      await readers[0].publish(numbered(published, published));
      for (const [i, reader] of readers.entries()) {
        const { lines, end } = await reader.read(100, 20, NEVER);
        if (lines.length > 0) ends[i] = end;
      }
    }
    await readers[1].acknowledge(ends[0]);
    await readers[0].acknowledge(ends[1]);
    for (const reader of readers) await reader.close();
    const heir = await under.open();
    expect(new Set((await readUntil(heir, published)).lines)).toEqual(new Set(numbered(1, published)));
    await heir.close();
  });
});
