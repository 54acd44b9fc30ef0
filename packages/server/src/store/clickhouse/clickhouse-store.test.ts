import { randomBytes } from 'node:crypto';
import { createClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { needService, startService } from '../../../../../tests/services.ts';
import { type PlanInput, planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { type ClickHouseStoreOptions, openClickHouseStore } from './clickhouse-store.ts';

const shared = await needService('clickhouse');
const own = await startService('clickhouse');
afterAll(() => own?.close());

const DAY_MS = 86_400_000;
const PRODUCER = '0mb1x9k3fqz7a';
const STARTED = Date.now();

function line(sequence: number, fields: Readonly<Record<string, unknown>> = {}): StoredLine {
  const timestampMs = STARTED - 60_000 + sequence;
  const event = {
    schema: 'tailrace/event/v1',
    event_id: `${PRODUCER}-${sequence}`,
    timestamp: new Date(timestampMs).toISOString(),
    level: 'info',
    service: 's',
    'sampling.rule': 'ALL',
    'sampling.rate': 1,
    n: sequence,
    ...fields,
  };
  return { line: JSON.stringify(event), timestampMs };
}

const lines = (from: number, to: number): StoredLine[] =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
const plan = (input: PlanInput = {}) => planSchema.parse({ from: '-2h', ...input });

describe.skipIf(shared === undefined || own === undefined)('the store on ClickHouse', () => {
  const url = shared?.url ?? '';
  const stores: Store[] = [];
  let database: string;

  beforeEach(() => {
    database = `test_${randomBytes(6).toString('hex')}`;
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await command(`DROP DATABASE IF EXISTS ${database}`);
  });

  async function open(options: Partial<ClickHouseStoreOptions> = {}): Promise<Store> {
    const store = await openClickHouseStore({ url, database, ...options });
    stores.push(store);
    return store;
  }

  async function command(sql: string): Promise<void> {
    const client = createClient({ url });
    await client.command({ query: sql });
    await client.close();
  }

  async function read(sql: string): Promise<Record<string, unknown>[]> {
    const client = createClient({ url, database });
    const rows = await (await client.query({ query: sql, format: 'JSONEachRow' })).json<Record<string, unknown>>();
    await client.close();
    return rows;
  }

  it('shows once what two writers have inserted in different batches', async () => {
    const [first, second] = [await open(), await open()];
    await first.insert(lines(1, 40));
    await second.insert([...lines(31, 70), ...lines(1, 5)]);
    expect(await read('SELECT count() AS rows FROM tailrace_events')).toEqual([{ rows: 85 }]);
    for (const store of [first, second]) {
      const [row] = (await store.query(plan({ aggregates: [{ fn: 'count' }, { fn: 'sum', field: 'n' }] }))).rows;
      expect(row).toEqual({ count: 70, sum_n: (70 * 71) / 2 });
      expect((await store.query(plan({ limit: 1_000 }))).rows).toHaveLength(70);
      expect((await store.query(plan({ where: 'n:35' }))).rows).toHaveLength(1);
    }
  });

  it('makes the TTL follow the setting, and leaves it alone without one', async () => {
    const ttl = async () => /toIntervalSecond\((\d+)\)/.exec(String((await read(CREATED))[0]?.query))?.[1];
    const CREATED =
      "SELECT create_table_query AS query FROM system.tables WHERE database = currentDatabase() AND name = 'tailrace_events'";
    await open();
    expect(await ttl()).toBe(String(30 * 86_400));
    await open({ retention: { maxAgeMs: 7 * DAY_MS } });
    expect(await ttl()).toBe(String(7 * 86_400));
    await open();
    expect(await ttl()).toBe(String(7 * 86_400));
    await open({ retention: { maxAgeMs: Number.POSITIVE_INFINITY } });
    expect(await ttl()).toBeUndefined();
    await open({ retention: { maxAgeMs: DAY_MS } });
    expect(await ttl()).toBe('86400');
  });

  it('loses what is older than its retention, says so, and keeps the ledger', async () => {
    const store = await open({ retention: { maxAgeMs: 3 * DAY_MS } });
    const timestamp = new Date(Date.now() - 5 * DAY_MS).toISOString();
    await store.insert([line(1, { timestamp }), line(2)]);
    await command(`OPTIMIZE TABLE ${database}.tailrace_events FINAL`);
    const answer = await store.query(plan({ from: '-10d' }));
    expect(answer.rows.map(({ event_id }) => event_id)).toEqual([`${PRODUCER}-2`]);
    expect(answer.meta.warnings).toEqual([expect.stringMatching(/^Events from before .* are retired/)]);
    expect((await store.query(plan())).meta.warnings).toEqual([]);
    expect(await store.sharedLedger?.accounts(10)).toEqual([{ producer: PRODUCER, stored: [[1, 2]], lines: [] }]);
  });

  it('gives promoted attributes a column, also for events that are there already', async () => {
    const before = await open();
    await before.insert([line(1, { 'payment.method': 'card', tags: ['a', 'b'] })]);
    const after = await open({ promote: ['payment.method', "it's `odd`\\", 'tags'] });
    await after.insert([line(2, { 'payment.method': 5, "it's `odd`\\": true })]);
    for (const store of [before, after]) {
      const groups = await store.query(plan({ groupBy: ['payment.method'] }));
      expect(new Set(groups.rows.map((row) => row['payment.method']))).toEqual(new Set(['card', 5]));
      expect((await store.query(plan({ where: String.raw`"it's \`odd\`\\":true` }))).rows).toHaveLength(1);
      expect((await store.query(plan({ where: 'tags:b' }))).rows).toHaveLength(1);
      expect((await store.query(plan())).rows.map(({ event_id }) => event_id)).toEqual([
        `${PRODUCER}-2`,
        `${PRODUCER}-1`,
      ]);
    }
    const [row] = await read('SELECT `attribute:payment.method` AS method FROM tailrace_events ORDER BY event_id');
    expect(row).toEqual({ method: '"card"' });
  });

  it('stops a query that takes too long or too much, and goes on', async () => {
    const slow = await open({ queryTimeoutMs: 1, queryMemoryBytes: 1 << 20 });
    await slow.insert(lines(1, 2_000));
    await expect(slow.query(plan())).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    const small = await open({ queryMemoryBytes: 4_000 });
    await expect(small.query(plan({ groupBy: ['event_id', 'n'] }))).rejects.toMatchObject({ code: 'QUERY_TOO_LARGE' });
    expect((await (await open()).query(plan({ limit: 10_000 }))).rows).toHaveLength(2_000);
  });

  it('lets only so many queries run and wait', async () => {
    const store = await open({ maxQueries: 1 });
    const queries = Array.from({ length: 20 }, () =>
      store.query(plan()).catch((error: { code?: string }) => error.code),
    );
    const refused = (await Promise.all(queries)).filter((outcome) => outcome === 'TOO_MANY_QUERIES');
    expect(refused).toHaveLength(3);
  });

  it('takes the longest search there is', async () => {
    const store = await open({ url: own?.url ?? '' });
    await store.insert([line(1, { word: '카드 결제' })]);
    const words = Array.from({ length: 250 }, (_, i) => `word:"카드 결제 실패 사유 ${i}"`);
    expect((await store.query(plan({ where: `(${words.join(' OR ')} OR word:카드*)` }))).rows).toHaveLength(1);
  });

  it('gives back events whose clock is wrong by centuries', async () => {
    const store = await open({ retention: { maxAgeMs: Number.POSITIVE_INFINITY } });
    for (const timestamp of ['0001-01-01T00:00:00.000Z', '1950-01-01T00:00:00.001Z', '9999-12-31T23:59:59.999Z']) {
      await store.insert([line(1, { timestamp, event_id: `${PRODUCER}-${timestamp.slice(0, 4)}` })]);
    }
    expect(await store.event(`${PRODUCER}-0001`)).toMatchObject({ timestamp: '0001-01-01T00:00:00.000Z' });
    expect(await store.event(`${PRODUCER}-9999`)).toMatchObject({ timestamp: '9999-12-31T23:59:59.999Z' });
    const old = await store.query(plan({ from: '1949-01-01', to: '1951-01-01' }));
    expect(old.rows.map((row) => row.timestamp)).toEqual(['1950-01-01T00:00:00.001Z']);
  });

  it('knows its size, after a moment', async () => {
    const store = await open();
    await store.insert(lines(1, 10));
    await vi.waitUntil(() => store.stats().events === 10, { timeout: 20_000, interval: 200 });
    expect(store.stats()).toMatchObject({ events: 10, segments: 1, quarantined: [] });
    expect(store.stats().bytes).toBeGreaterThan(0);
  }, 30_000);

  it('opens while nobody answers, and names a mistake', async () => {
    const store = await openClickHouseStore({ url: 'http://127.0.0.1:1' });
    await expect(store.insert(lines(1, 1))).rejects.toThrow('ECONNREFUSED');
    await expect(store.query(plan())).rejects.toThrow('ECONNREFUSED');
    await store.close();
    await expect(openClickHouseStore({ url: 'clickhouse' })).rejects.toThrow('must be one such as');
    await open();
    await command(`ALTER TABLE ${database}.tailrace_events MODIFY COMMENT 'tailrace 7'`);
    await expect(open()).rejects.toThrow('version 7');
  });

  it('loses nothing and doubles nothing where the server is killed under inserts', async () => {
    const target = { url: own?.url ?? '', database };
    const [a, b] = [await openClickHouseStore(target), await openClickHouseStore(target)];
    const until = async (work: () => Promise<void>): Promise<number> => {
      for (let failures = 0; ; failures += 1) {
        try {
          await work();
          return failures;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    let failures = 0;
    let n = 0;
    for (let round = 0; round < 4; round += 1) {
      const batches = Array.from({ length: 8 }, (_, i) => lines(n + i * 100 + 1, n + i * 100 + 150));
      n += 8 * 100 + 50;
      let begun = 0;
      const inserts = batches.map((batch, i) =>
        until(() => {
          begun += 1;
          return (i % 2 === 0 ? a : b).insert(batch);
        }),
      );
      await vi.waitUntil(() => begun >= batches.length, { interval: 1, timeout: 20_000 });
      // Somewhere within the inserts: the engine takes them one after another.
      await new Promise((resolve) => setTimeout(resolve, round * 25));
      await own?.kill();
      await own?.start();
      failures += (await Promise.all(inserts)).reduce((sum, each) => sum + each, 0);
    }
    expect(failures).toBeGreaterThan(0);
    const aggregates = [{ fn: 'count' as const }, { fn: 'distinct' as const, field: 'event_id' }];
    for (const store of [a, b]) {
      expect((await store.query(plan({ aggregates }))).rows).toEqual([{ count: n, distinct_event_id: n }]);
      expect((await store.sharedLedger?.accounts(1))?.[0]?.stored).toEqual([[1, n]]);
    }
    await Promise.all([a.close(), b.close()]);
  }, 120_000);
});
