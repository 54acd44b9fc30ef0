/** Several processes, a role each, over real brokers and shared stores, killed in traffic. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { waitFor } from './processes.ts';
import { NumberedClient, openRoleSet, type RoleSet } from './roles.ts';
import { createServerClient, type EventRecord } from './server-client.ts';
import { needService } from './services.ts';

const redis = await needService('redis');
const kafka = await needService('kafka');
const mongodb = await needService('mongodb');
const clickhouse = await needService('clickhouse');

const TIMEOUT_MS = 600_000;
const name = (): string => `roles_${randomBytes(6).toString('hex')}`;

function redisSettings(): Record<string, string> {
  return { MQ_ENABLED: 'true', MQ_TYPE: 'redis', REDIS_URL: redis?.url ?? '' };
}

function kafkaSettings(): Record<string, string> {
  return { MQ_ENABLED: 'true', MQ_TYPE: 'kafka', MQ_BROKER_ADDRESS: kafka?.address ?? '' };
}

const ARRANGEMENTS = [
  {
    title: 'Redis Streams and MongoDB',
    isHere: redis !== undefined && mongodb !== undefined,
    settings: () => {
      const uri = new URL(mongodb?.url ?? 'mongodb://none');
      uri.pathname = `/${name()}`;
      return { ...redisSettings(), STORAGE_TYPE: 'mongodb', MONGODB_URI: uri.href };
    },
  },
  {
    title: 'Kafka and ClickHouse',
    isHere: kafka !== undefined && clickhouse !== undefined,
    settings: () => ({
      ...kafkaSettings(),
      STORAGE_TYPE: 'clickhouse',
      CLICKHOUSE_URL: `${clickhouse?.url ?? ''}/${name()}`.replace(/([^:])\/\//, '$1/'),
    }),
  },
];

const open: RoleSet[] = [];
afterAll(() => Promise.all(open.map((set) => set.close())));

async function openSet(settings: Readonly<Record<string, string>>): Promise<RoleSet> {
  const set = await openRoleSet({
    MQ_LOG_TOPIC: name(),
    MQ_CONSUMER_GROUP: name(),
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
  const server = createServerClient(url);
  const ledger = await waitFor(
    'the ledger to be complete',
    async () => {
      const { producers } = await server.ledger();
      const account = producers.find(({ producer }) => producer === client.producer);
      return account?.stored === client.taken && account.inFlight === 0 ? account : undefined;
    },
    240_000,
  );
  expect(ledger).toMatchObject({ kept: client.taken, stored: client.taken, missing: 0, dead: 0, dropped: 0 });
  const events = await server.search('service:roles', '-1h', 'now');
  expect(events).toHaveLength(client.taken);
  const numbers = events.map((event: EventRecord) => Number(event.number)).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: client.taken }, (_, i) => i + 1));
}

describe.each(ARRANGEMENTS)('one process a role over $title', ({ isHere, settings }) => {
  test.skipIf(!isHere)(
    'writers and the ingest are killed in traffic: none missing, none twice',
    async () => {
      const set = await openSet(settings());
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
        while (!isDone) await client.send(40, stop.signal);
      })();
      try {
        for (const victim of [first, ingest, second, first]) {
          const before = client.taken;
          await waitFor('traffic', () => (client.taken >= before + 200 ? true : undefined), 120_000);
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

describe.each([
  { title: 'Redis Streams', isHere: redis !== undefined, settings: redisSettings },
  { title: 'Kafka', isHere: kafka !== undefined, settings: kafkaSettings },
])('one process for all over $title and the embedded store', ({ isHere, settings }) => {
  test.skipIf(!isHere)(
    'it is killed in traffic: none missing, none twice',
    async () => {
      const set = await openSet(settings());
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
