import { request } from 'node:http';
import { expect, test } from 'vitest';
import { eventLine, startServer, type TestServer } from '../../tests/test-server.ts';

const INGEST = 'ingest-key-0123456789';
const READ = 'read-key-0123456789ab';
const P = '0mb1x9k3fqz7a';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const withKeys = { ingestKey: INGEST, readKey: READ };

/** `fetch` doesn't let one choose the Host header. */
function getWithHeaders(server: TestServer, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/v1/ledger`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('each key opens its own side and no other', async () => {
  const server = await startServer({ settings: withKeys });
  expect((await server.post(eventLine(P, 1), bearer(INGEST))).status).toBe(200);
  expect((await server.get('/v1/ledger', bearer(READ))).status).toBe(200);

  for (const [answer, code] of [
    [await server.post(eventLine(P, 2)), 'KEY_MISSING'],
    [await server.post(eventLine(P, 2), bearer(READ)), 'KEY_WRONG'],
    [await server.post(eventLine(P, 2), bearer(`${INGEST}x`)), 'KEY_WRONG'],
    [await server.post(eventLine(P, 2), { authorization: `Basic ${INGEST}` }), 'KEY_MISSING'],
    [await server.get('/v1/ledger'), 'KEY_MISSING'],
    [await server.get('/v1/ledger', bearer(INGEST)), 'KEY_WRONG'],
    [await server.get('/metrics'), 'KEY_MISSING'],
    [await server.get('/v1/tail'), 'KEY_MISSING'],
  ] as const) {
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ error: { code } });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    expect(JSON.stringify(answer.body)).not.toContain('0123456789');
  }
});

test('every route of the API asks for a key, but health', async () => {
  const server = await startServer({ settings: withKeys });
  const paths = '/v1/events /v1/events/x /v1/facets /v1/fields /v1/histogram /v1/tail /v1/ledger /v1/dead /metrics';
  for (const path of paths.split(' ')) expect([path, (await server.get(path)).status]).toEqual([path, 401]);
  for (const path of ['/healthz', '/readyz']) expect((await server.get(path)).status).toBe(200);
});

test('a key in the URL is refused, even the right one', async () => {
  const server = await startServer({ settings: withKeys });
  for (const query of [`key=${READ}`, `access_token=${READ}`, `q=${READ}`, `api-key=none`]) {
    const { status, body } = await server.get(`/v1/ledger?${query}`, bearer(READ));
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'KEY_IN_URL' } });
    expect(JSON.stringify(body)).not.toContain(READ);
  }
  expect(server.log.join()).not.toContain(READ);
});

test('a server on loopback answers to no foreign name and no foreign page', async () => {
  const server = await startServer({ settings: { allowedHosts: 'logs.internal' } });
  const port = new URL(server.url).port;
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'logs.internal']) {
    expect([host, await getWithHeaders(server, { host })]).toEqual([host, 200]);
  }
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
    expect([host, await getWithHeaders(server, { host })]).toEqual([host, 403]);
  }
  const origins = {
    'http://localhost:5173': 200,
    'http://evil.example': 403,
    null: 403,
    'https://localhost.evil.example': 403,
  };
  for (const [origin, status] of Object.entries(origins)) {
    expect([origin, await getWithHeaders(server, { origin })]).toEqual([origin, status]);
  }
});
