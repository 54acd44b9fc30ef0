import { randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { describe, expect, test } from 'vitest';
import { needService } from '../../../../tests/services.ts';
import { openRedisStore } from './redis-store.ts';
import { deadLetterStoreContract, letter } from './testing/dead-letter-store-contract.ts';

const service = await needService('redis');

describe.skipIf(service === undefined)('dead letters in Redis', () => {
  const url = service?.url ?? '';
  const remove = async (stream: string) => {
    const client = createClient({ url });
    await client.connect();
    await client.del([`${stream}:dead`, `${stream}:dead:index`]);
    client.destroy();
  };
  const open = async () => {
    const stream = `dead-${randomUUID()}`;
    const openOne = () => openRedisStore({ url, stream });
    return { store: await openOne(), reopen: openOne, remove: () => remove(stream) };
  };
  deadLetterStoreContract(open, { isShared: true, runs: 20 });

  test('anybody can read them from the stream', async () => {
    const stream = `dead-${randomUUID()}`;
    const store = await openRedisStore({ url, stream });
    await store.put([letter(1)]);
    const client = createClient({ url });
    await client.connect();
    const [entry] = (await client.xRange(`${stream}:dead`, '-', '+')) ?? [];
    expect(JSON.parse(String(entry?.message.letter))).toMatchObject({
      schema: 'tailrace/dead-letter/v1',
      id: 'dddddddd-1',
    });
    client.destroy();
    await store.close();
    await remove(stream);
  });
});

test('a Redis that is away is told of, and nothing hangs', async () => {
  const store = await openRedisStore({ url: 'redis://127.0.0.1:1', publishTimeoutMs: 2000 });
  await expect(store.put([letter(1)])).rejects.toThrow('127.0.0.1:1');
  await store.close();
});
