/** Several processes, a role each, over real brokers and shared stores, killed in traffic. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { openClickHouseStore } from '../packages/server/src/store/clickhouse/clickhouse-store.ts';
import { openMongoStore } from '../packages/server/src/store/mongodb/mongo-store.ts';
import type { Store } from '../packages/server/src/store/store.ts';
import { arrange } from './arrangements.ts';
import { waitFor } from './processes.ts';
import { NumberedClient, openRoleSet, type RoleSet, readStored } from './roles.ts';
import { createServerClient } from './server-client.ts';

const SHARED_STORES = [await arrange('redis', 'mongodb'), await arrange('kafka', 'clickhouse')];
// A store of its own: what processes of other tests have told of their queues stays for minutes.
const FRESH_STORES = [await arrange('redis', 'mongodb'), await arrange('kafka', 'clickhouse')];
const EMBEDDED_STORES = [await arrange('redis', 'embedded'), await arrange('kafka', 'embedded')];

const TIMEOUT_MS = 600_000;

const open: RoleSet[] = [];
afterAll(() => Promise.all(open.map((set) => set.close())));

async function openSet(settings: Readonly<Record<string, string>>): Promise<RoleSet> {
  const set = await openRoleSet({
    MQ_BATCH_TIMEOUT_MS: '100',
    TAILRACE_LEDGER_GRACE_SECONDS: '2',
    TAILRACE_COMMIT_SECONDS: '0.5',
    ...settings,
  });
  open.push(set);
  return set;
}

/** Every event, and each once. */
async function expectAll(url: string, client: NumberedClient): Promise<void> {
  const { ledger, found, missing, twice } = await readStored(url, client);
  const { taken } = client;
  expect({ found, missing, twice }).toEqual({ found: taken, missing: [], twice: [] });
  expect(ledger).toMatchObject({ kept: taken, stored: taken, missing: 0, dead: 0, dropped: 0 });
}

describe.each(SHARED_STORES)('one process a role: $title', ({ settings }) => {
  test.skipIf(settings === undefined)(
    'writers and the ingest are killed in traffic: none missing, none twice',
    async () => {
      const set = await openSet(settings ?? {});
      const [ingest, first, second, query] = await Promise.all([
        set.start('ingest', 'ingest'),
        set.start('writer-1', 'write'),
        set.start('writer-2', 'write'),
        set.start('query', 'query'),
      ]);
      const client = new NumberedClient(ingest.url, `p${randomBytes(6).toString('hex')}`);
      const stop = new AbortController();
      let isDone = false;
      const traffic = (async () => {
        while (!isDone) {
          await client.send(20, stop.signal);
          // Enough to be in traffic, and no more than can be looked at one by one in the end.
          await sleep(100);
        }
      })();
      try {
        for (const victim of [first, ingest, second, first]) {
          const before = client.taken;
          await waitFor('traffic', () => (client.taken >= before + 100 ? true : undefined), 120_000);
          await victim.kill();
          await victim.start();
        }
      } finally {
        isDone = true;
        stop.abort();
      }
      await traffic;
      await client.sendLedger();
      await expectAll(query.url, client);
      expect(client.refusals).toBeGreaterThan(0);

      // Each says what it is, and who does what it doesn't.
      const ask = async (url: string, init?: RequestInit) => {
        const response = await fetch(url, init);
        return { status: response.status, body: await response.text() };
      };
      expect((await ask(`${query.url}/v1/events`, { method: 'POST', body: '{}' })).body).toContain('the role ingest');
      expect((await ask(`${first.url}/v1/facets?field=level`)).body).toContain('the role query');
      expect((await ask(`${query.url}/metrics`)).body).toMatch(/tailrace_server_info\{roles="query",queue="\w+"/);
      expect(JSON.parse((await ask(`${ingest.url}/healthz`)).body)).toMatchObject({ roles: ['ingest'] });
      expect((await ask(`${ingest.url}/readyz`)).status).toBe(200);
    },
    TIMEOUT_MS,
  );
});

/** The store, as an application that writes to it by itself. */
function openStoreOf({ STORAGE_TYPE, MONGODB_URI = '', CLICKHOUSE_URL = '' }: Readonly<Record<string, string>>) {
  return STORAGE_TYPE === 'mongodb'
    ? openMongoStore({ uri: MONGODB_URI })
    : openClickHouseStore({ url: CLICKHOUSE_URL });
}

async function insert(store: Store, producer: string, numbers: readonly number[]): Promise<void> {
  const timestampMs = Date.now();
  const events = numbers.map((n) => ({
    schema: 'tailrace/event/v1',
    event_id: `${producer}-${n}`,
    timestamp: new Date(timestampMs).toISOString(),
    service: 'roles',
    'sampling.rate': 1,
  }));
  await store.insert(events.map((event) => ({ line: JSON.stringify(event), timestampMs })));
}

describe.each(FRESH_STORES)('a process that only answers questions: $title', ({ settings }) => {
  test.skipIf(settings === undefined)(
    'it calls missing what is lost, and not what the broker holds while nobody reads it',
    async () => {
      const set = await openSet(settings ?? {});
      const [ingest, writer, query] = await Promise.all([
        set.start('ingest', 'ingest'),
        set.start('writer', 'write'),
        set.start('query', 'query'),
      ]);
      const store = await openStoreOf(settings ?? {});
      const lost = `p${randomBytes(6).toString('hex')}`;
      const client = new NumberedClient(ingest.url, `p${randomBytes(6).toString('hex')}`);
      const account = async (wanted: string) => {
        const { producers } = await createServerClient(query.url).ledger();
        return producers.find(({ producer }) => producer === wanted);
      };
      const until = (wanted: string, numbers: Readonly<Record<string, number>>) =>
        expect.poll(() => account(wanted), { timeout: 120_000 }).toMatchObject(numbers);

      await client.send(5);
      await until(client.producer, { stored: 5, missing: 0 });
      // Ingest and writer have told what they see of the queue.
      await expect.poll(async () => (await store.sharedLedger?.queueNotes())?.length, { timeout: 30_000 }).toBe(2);
      await insert(store, lost, [1, 3]);
      await until(lost, { stored: 2, missing: 1 });

      await writer.kill();
      await client.send(3);
      await ingest.kill();
      await insert(store, client.producer, [9, 10]);
      await until(client.producer, { stored: 7, inFlight: 3 });
      // Some times the time of grace.
      const untilMs = performance.now() + 8000;
      while (performance.now() < untilMs) {
        expect(await account(client.producer)).toMatchObject({ stored: 7, inFlight: 3, missing: 0 });
        await sleep(500);
      }
      await writer.start();
      await until(client.producer, { stored: 10, inFlight: 0, missing: 0 });
      await store.close();
    },
    TIMEOUT_MS,
  );
});

describe.each(EMBEDDED_STORES)('one process for all: $title', ({ settings }) => {
  test.skipIf(settings === undefined)(
    'it is killed in traffic: none missing, none twice',
    async () => {
      const set = await openSet(settings ?? {});
      const server = await set.start('all', 'ingest,write,query');
      const client = new NumberedClient(server.url, `p${randomBytes(6).toString('hex')}`);
      for (let round = 0; round < 3; round += 1) {
        for (let posts = 0; posts < 8; posts += 1) await client.send(25);
        await server.kill();
        const sending = client.send(25);
        await server.start();
        await sending;
      }
      await client.sendLedger();
      await expectAll(server.url, client);
    },
    TIMEOUT_MS,
  );
});
