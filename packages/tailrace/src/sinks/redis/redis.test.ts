import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { createClient } from '@redis/client';
import { describe, expect, test } from 'vitest';
import { cutConnections } from '../../../../../tests/cut-connections.ts';
import { needService, startService } from '../../../../../tests/services.ts';
import { toBatch } from '../../delivery/sink.ts';
import { sinkContract } from '../../delivery/sink-contract.ts';
import { createSink, openRedisPublisher } from './index.ts';

const shared = await needService('redis');
const never = new AbortController().signal;
const event = (sequence: number, fields: object = {}): string =>
  JSON.stringify({ schema: 'tailrace/event/v1', event_id: `0mb1x9k3fqz7a-${sequence}`, ...fields });

async function readStream(url: string, stream: string): Promise<{ id: string; line: string }[]> {
  const client = createClient({ url });
  await client.connect();
  const entries = await client.xRange(stream, '-', '+');
  client.destroy();
  return (entries ?? []).map(({ message }) => ({ id: String(message.id), line: String(message.line) }));
}

describe.skipIf(shared === undefined)('the sink of Redis', () => {
  const url = shared?.url ?? '';
  let stream = '';
  for (const { name, run } of sinkContract({
    create: () => {
      stream = `sink-${randomUUID()}`;
      return createSink({ url, stream }, { notice: () => {} });
    },
    delivered: async () => (await readStream(url, stream)).map(({ id }) => id),
  })) {
    test(`contract: ${name}`, run);
  }

  test('a line travels as it is, with the id of its event', async () => {
    const name = `bytes-${randomUUID()}`;
    const sink = await createSink({ url, stream: name }, { notice: () => {} });
    const lines = [
      event(1, { text: '한국어 \u{1f680}' }),
      '{"schema":"tailrace/ledger/v1","producer":"0mb1x9k3fqz7a"}',
    ];
    await sink.send(toBatch(lines.map((line) => Buffer.from(line))), never);
    expect(await readStream(url, name)).toEqual([
      { id: '0mb1x9k3fqz7a-1', line: lines[0] },
      { id: 'ledger', line: lines[1] },
    ]);
    await sink.close?.();
  });

  test('a stream that may not be made is named', async () => {
    const publisher = await openRedisPublisher({ url, stream: `absent-${randomUUID()}`, createStream: false });
    await expect(publisher.publish([event(1)])).rejects.toMatchObject({
      code: 'MISSING',
      message: expect.stringMatching(/there is no stream absent-.*XGROUP CREATE/),
    });
    await publisher.close();
  });

  test('with its connections cut again and again, every confirmed line is in the stream', async () => {
    const name = `cuts-${randomUUID()}`;
    const publisher = await openRedisPublisher({ url, stream: name });
    const confirmed: string[] = [];
    let failures = 0;
    for (let round = 0; round < 40; round += 1) {
      const lines = Array.from({ length: 5 }, (_, i) => event(round * 5 + i + 1));
      const published = publisher.publish(lines).then(
        () => confirmed.push(...lines),
        () => {
          failures += 1;
        },
      );
      if (round % 3 === 2) cutConnections(shared?.port ?? 0);
      await published;
    }
    expect(failures).toBeGreaterThan(0);
    const there = new Set((await readStream(url, name)).map(({ line }) => line));
    expect(confirmed.filter((line) => !there.has(line))).toEqual([]);
    await publisher.close();
  });
});

describe('a Redis in trouble', () => {
  test('at maxmemory it refuses, throws nothing away, and takes lines again when there is room', async ({ skip }) => {
    const own = await startService('redis');
    if (own === undefined) return skip('Redis is not installed');
    const publisher = await openRedisPublisher({ url: own.url });
    const admin = createClient({ url: own.url });
    await admin.connect();
    await admin.configSet('maxmemory', '4mb');
    const confirmed: string[] = [];
    let sequence = 0;
    const error = await (async () => {
      for (;;) {
        const lines = Array.from({ length: 20 }, () => event(++sequence, { text: 'x'.repeat(5000) }));
        try {
          await publisher.publish(lines);
          confirmed.push(...lines);
        } catch (caught) {
          return caught;
        }
      }
    })();
    expect(error).toMatchObject({ code: 'FULL', message: expect.stringContaining('maxmemory') });
    expect((await readStream(own.url, 'tailrace-events')).map(({ line }) => line)).toEqual(confirmed);
    await admin.configSet('maxmemory', '64mb');
    await publisher.publish([event(++sequence)]);
    admin.destroy();
    await publisher.close();
    await own.close();
  });

  test('killed with kill -9 under traffic, it has every confirmed line when it is back', async ({ skip }) => {
    const own = await startService('redis');
    if (own === undefined) return skip('Redis is not installed');
    const publisher = await openRedisPublisher({ url: own.url });
    const confirmed: string[] = [];
    let failures = 0;
    let sequence = 0;
    for (let round = 0; round < 3; round += 1) {
      const before = confirmed.length;
      let isDone = false;
      const traffic = (async () => {
        while (!isDone) {
          const lines = Array.from({ length: 20 }, () => event(++sequence));
          await publisher.publish(lines).then(
            () => confirmed.push(...lines),
            () => {
              failures += 1;
            },
          );
        }
      })();
      await expect.poll(() => confirmed.length, { timeout: 20_000 }).toBeGreaterThan(before + 500);
      await own.kill();
      await expect.poll(() => failures, { timeout: 20_000 }).toBeGreaterThan(0);
      await own.start();
      isDone = true;
      await traffic;
    }
    const there = new Set((await readStream(own.url, 'tailrace-events')).map(({ line }) => line));
    expect(confirmed.filter((line) => !there.has(line))).toEqual([]);
    await publisher.close();
    await own.close();
  }, 60_000);

  test('one that throws keys away at its bound, or keeps no file, is told once', async ({ skip }) => {
    const own = await startService('redis');
    if (own === undefined) return skip('Redis is not installed');
    const admin = createClient({ url: own.url });
    await admin.connect();
    await admin.configSet({ maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru', appendonly: 'no' });
    const notices: string[] = [];
    const publisher = await openRedisPublisher({ url: own.url }, (code) => notices.push(code));
    await publisher.publish([event(1)]);
    await publisher.publish([event(2)]);
    await expect.poll(() => notices).toEqual(['redis_evicts', 'redis_not_durable']);
    admin.destroy();
    await publisher.close();
    await own.close();
  });

  test('one that accepts connections and never answers fails within the bound', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const publisher = await openRedisPublisher({ url: `redis://:hunter2@127.0.0.1:${port}`, publishTimeoutMs: 300 });
    const failed = publisher.publish([event(1)]);
    await expect(failed).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await expect(failed).rejects.not.toThrow(/hunter2/);
    await publisher.close();
    silent.close();
  });

  test('a wrong password is told as such, and never printed', async ({ skip }) => {
    if (shared === undefined) return skip('Redis is not installed');
    const publisher = await openRedisPublisher({ url: shared.url, username: 'nobody', password: 'hunter2' });
    const failed = publisher.publish([event(1)]);
    await expect(failed).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(failed).rejects.not.toThrow(/hunter2/);
    await publisher.close();
  });

  test('an address that is none is told without its password', async () => {
    const opened = openRedisPublisher({ url: 'http://:hunter2@host' });
    await expect(opened).rejects.toThrow(/redis:\/\/host:port/);
    await expect(opened).rejects.not.toThrow(/hunter2/);
  });
});
