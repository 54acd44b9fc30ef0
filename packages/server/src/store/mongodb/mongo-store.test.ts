import { MongoClient } from 'mongodb';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { startService } from '../../../../../tests/services.ts';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openMongoStore } from './mongo-store.ts';

const server = await startService('mongodb');
const DAY_MS = 86_400_000;
const all = planSchema.parse({ from: '-1h', limit: 10_000 });

function lines(from: number, to: number, more: object = {}): StoredLine[] {
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const timestampMs = Date.now() - 10_000 + i;
    const event = {
      event_id: `0mb1x9k3fqz7a-${from + i}`,
      timestamp: new Date(timestampMs).toISOString(),
      service: 's',
    };
    return { line: JSON.stringify({ schema: 'tailrace/event/v1', level: 'info', ...event, ...more }), timestampMs };
  });
}

describe.skipIf(server === undefined)('the store on MongoDB', () => {
  const uri = server?.url ?? '';
  const stores: Store[] = [];
  const open = async (database: string, more: object = {}): Promise<Store> => {
    const store = await openMongoStore({ uri, database, timeoutMs: 5_000, ...more });
    stores.push(store);
    return store;
  };

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(() => server?.close());

  it('comes back by itself when MongoDB was killed under inserts, and has what it had confirmed', async () => {
    const store = await open('killed');
    await store.insert(lines(1, 100));
    let failures = 0;
    const inserts = Array.from({ length: 6 }, async (_, i) => {
      const batch = lines(101 + 100 * i, 200 + 100 * i);
      await vi.waitUntil(
        () =>
          store.insert(batch).then(
            () => true,
            () => {
              failures += 1;
              return false;
            },
          ),
        { timeout: 60_000, interval: 100 },
      );
    });
    await server?.kill();
    await expect(store.query(all)).rejects.toThrow();
    await expect(store.insert(lines(5_000, 5_001))).rejects.toThrow();
    await server?.start();
    await Promise.all(inserts);
    await vi.waitUntil(
      () =>
        store.query(all).then(
          ({ rows }) => rows.length >= 700,
          () => false,
        ),
      { timeout: 60_000 },
    );
    expect(failures).toBeGreaterThan(0);
    const counted = planSchema.parse({
      from: '-1h',
      where: 'event_id:*',
      aggregates: [{ fn: 'distinct', field: 'event_id' }],
    });
    const { rows } = await store.query(all);
    const ids = new Set(rows.map(({ event_id }) => Number(String(event_id).split('-')[1])));
    expect(Array.from({ length: 700 }, (_, i) => i + 1).filter((n) => !ids.has(n))).toEqual([]);
    expect((await store.query(counted)).rows).toEqual([{ distinct_event_id: ids.size }]);
    const [account] = (await store.sharedLedger?.accounts(1)) ?? [];
    expect(account?.stored[0]).toEqual([1, 700]);
  }, 180_000);

  it('opens although MongoDB is away, and works once it is there', async () => {
    await server?.stop();
    const store = await open('late');
    await expect(store.insert(lines(1, 1))).rejects.toThrow();
    await server?.start();
    await store.insert(lines(1, 10));
    expect((await store.query(all)).rows).toHaveLength(10);
  }, 120_000);

  it('keeps events as long as the retention says, also when it changes', async () => {
    const retention = { maxAgeMs: 7 * DAY_MS };
    const client = await new MongoClient(uri).connect();
    const seconds = async () => {
      const indexes = await client.db('kept').collection('events').indexes();
      return indexes.find(({ name }) => name === 'retention')?.expireAfterSeconds;
    };
    const first = await open('kept');
    expect(await seconds()).toBe(30 * 86_400);
    const store = await open('kept', { retention });
    expect(await seconds()).toBe(7 * 86_400);
    const old = await store.query(planSchema.parse({ from: '-10d' }));
    expect(old.meta.warnings).toEqual([expect.stringMatching(/^Events from before .* are retired/)]);
    retention.maxAgeMs = 3 * DAY_MS;
    // What asks for the numbers now and then sees to it.
    const stores = [store, await open('kept', { retention })];
    expect(await seconds()).toBe(3 * 86_400);
    await stores[0]?.insert(lines(1, 5));
    expect((await first.query(all)).rows).toHaveLength(5);
    await client.close();
  });

  it('removes what is older than the retention', async () => {
    const client = await new MongoClient(uri).connect();
    const admin = client.db('admin');
    // MongoDB sweeps each second then; what stands in for it, when it is told to.
    await admin.command({ setParameter: 1, ttlMonitorSleepSecs: 1 }).catch(() => undefined);
    const sweep = () => admin.command({ 'secantusAdmin.pruneTtl': 1 }).catch(() => undefined);
    const store = await open('removed', { retention: { maxAgeMs: 1_800_000 } });
    const [old] = lines(1, 1, { timestamp: new Date(Date.now() - 3_600_000).toISOString() });
    await store.insert([...(old === undefined ? [] : [old]), ...lines(2, 3)]);
    const isGone = () => sweep().then(async () => (await store.event('0mb1x9k3fqz7a-1')) === undefined);
    await vi.waitUntil(isGone, { timeout: 90_000 });
    expect(await store.event('0mb1x9k3fqz7a-2')).toBeDefined();
    // The ledger knows of it still.
    expect((await store.sharedLedger?.accounts(1))?.[0]?.stored).toEqual([[1, 3]]);
    await client.close();
  }, 120_000);

  it('stops a query that takes too long, and goes on', async () => {
    const store = await open('slow', { queryTimeoutMs: 1 });
    await store.insert(lines(1, 2_000, { message: 'x'.repeat(300) }));
    const where = Array.from({ length: 100 }, (_, i) => `"never${i}*ever"`).join(' OR ');
    await expect(store.query(planSchema.parse({ where }))).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    const patient = await open('slow');
    expect((await patient.query(planSchema.parse({ where: 'service:none' }))).rows).toEqual([]);
  });

  it('tells how much it holds', async () => {
    const store = await open('sizes');
    await store.insert(lines(1, 50));
    await store.close();
    const again = await open('sizes');
    expect(again.stats()).toMatchObject({ events: 50, segments: 0, quarantined: [] });
    // By MongoDB's own account, which is 0 on a stand-in that keeps none.
    const client = await new MongoClient(uri).connect();
    const sizes = client
      .db('sizes')
      .collection('events')
      .aggregate([{ $collStats: { storageStats: {} } }]);
    const [found] = await sizes.toArray();
    expect(again.stats().bytes).toBe(found?.storageStats.storageSize + found?.storageStats.totalIndexSize);
    await client.close();
  });
});

it('a missing driver, or an address that is none, is told in one line', async () => {
  await expect(openMongoStore({ uri: 'redis://secret@h' })).rejects.toThrow(
    'the address of MongoDB must be one such as mongodb://127.0.0.1:27017/tailrace',
  );
});
