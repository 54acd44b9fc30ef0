/** Servers that share one place of dead letters, as the settings open it, on the real service. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { needService, startService } from '../../../../tests/services.ts';
import { eventLine, eventually, startServer, type TestServer } from '../../tests/test-server.ts';

const P = '0mb1x9k3fqz7a';
const name = () => `shared-${randomBytes(6).toString('hex')}`;

const redis = await needService('redis');
const kafka = await needService('kafka');
const mongodb = await needService('mongodb');

const databaseAt = (url = '') => {
  const uri = new URL(url);
  uri.pathname = `/${name()}`;
  return uri.href;
};

const PLACES: [string, Readonly<Record<string, unknown>> | undefined][] = [
  ['redis', redis && { redisUrl: redis.url, mqTopic: name() }],
  ['kafka', kafka && { mqBrokers: kafka.address, mqTopic: name() }],
  ['mongodb', mongodb && { mongodbUri: databaseAt(mongodb.url) }],
];

async function send(server: TestServer, method: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function idsAt(server: TestServer): Promise<string[]> {
  const { dead } = (await server.get('/v1/dead')).body as { readonly dead: readonly { readonly id: string }[] };
  return dead.map(({ id }) => id);
}

describe.each(PLACES)('dead letters that servers share in %s', (place, settings) => {
  test.skipIf(settings === undefined)(
    'what one server could not take, another lists, mends, replays and purges',
    async () => {
      const shared = { ...settings, deadLetters: place };
      const first = await startServer({ settings: shared });
      const second = await startServer({ settings: shared });
      const bad = [1, 2, 3].map((n) => eventLine(P, n, { status: `no number ${n}` }));
      expect((await first.post(bad.join('\n'))).status).toBe(200);
      const [newest = ''] = await idsAt(second);
      expect(await idsAt(second)).toHaveLength(3);
      expect((await second.get('/v1/dead')).body).toMatchObject({ place, waiting: 0, failure: null });

      const event = { ...JSON.parse(bad[2] ?? '{}'), status: 200 };
      expect(await send(second, 'PUT', `/v1/dead/${newest}`, { event })).toMatchObject({ status: 200 });
      expect((await send(second, 'POST', '/v1/dead/replay', { all: true })).body).toMatchObject({
        replayed: 1,
        refused: 2,
      });
      expect(await idsAt(first)).toHaveLength(2);
      expect((await send(first, 'POST', '/v1/dead/purge', { all: true, confirm: 2 })).body).toEqual({ purged: 2 });
      expect(await idsAt(second)).toEqual([]);
    },
  );
});

test('a Redis that dies costs no letter: they wait in files, and go there when it is back', async ({ skip }) => {
  const own = await startService('redis');
  if (own === undefined) return skip('Redis is not installed');
  try {
    const settings = { deadLetters: 'redis', redisUrl: own.url, mqTimeoutMs: 1000 };
    const server = await startServer({ settings });
    const post = (n: number) => server.post(eventLine(P, n, { status: `no number ${n}` }));
    await post(1);
    await own.kill();
    expect((await post(2)).body).toMatchObject({ accepted: 0, refused: [{ line: 1 }] });
    expect((await post(3)).status).toBe(200);
    expect(await server.get('/v1/dead')).toMatchObject({ status: 503, body: { error: { code: 'DEAD_LETTERS_AWAY' } } });
    expect((await server.get('/healthz')).body).toMatchObject({
      status: 'degraded',
      faults: [expect.stringMatching(/^dead letters can't be kept in redis: .*; 2 wait in files here$/)],
    });
    await own.start();
    await eventually(
      async () => (await server.get('/v1/dead')).body,
      (body) => JSON.stringify(body).includes('"waiting":0') && JSON.stringify(body).includes('"count":3'),
    );
    expect(await idsAt(server)).toHaveLength(3);
  } finally {
    await own.close();
  }
});
