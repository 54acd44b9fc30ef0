import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventLine, eventually, startServer, temporaryFolder } from '../../tests/test-server.ts';
import { loadConfig } from '../config.ts';
import { createServer } from '../server.ts';
import { openDuckDbStore } from '../store/duckdb/duckdb-store.ts';

const P = '0mb1x9k3fqz7a';

/** With the real store: what a screen would see. */
async function startRealServer() {
  const dataDir = temporaryFolder();
  const server = await createServer(loadConfig({}, { port: 0, dataDir }), {
    openStore: () => openDuckDbStore({ directory: join(dataDir, 'store') }),
    log: () => {},
  });
  onTestFinished(() => server.close());
  const ask = async (path: string, init?: RequestInit): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${server.url}${path}`, init);
    return { status: response.status, body: await response.json() };
  };
  const post = (lines: readonly string[]) =>
    ask('/v1/events', { method: 'POST', body: lines.join('\n'), headers: { 'content-type': 'application/x-ndjson' } });
  return { ...server, ask, post };
}

test('what was posted can be paged, counted, grouped and told by kind', async () => {
  const server = await startRealServer();
  const atMs = Date.now() - 60_000;
  const lines = Array.from({ length: 25 }, (_, i) =>
    eventLine(P, i + 1, {
      // Several in one millisecond, so that pages must not lean on the time alone.
      timestamp: new Date(atMs + Math.floor(i / 10)).toISOString(),
      level: i < 5 ? 'error' : 'info',
      status: i < 5 ? 500 : 200,
      trace_id: i < 3 ? 'trace-1' : `t-${i}`,
      request_id: `r-${i}`,
    }),
  );
  await server.post(lines);
  const ids: string[] = [];
  await eventually(
    () => server.ask('/v1/events?limit=1000'),
    ({ body }) => (body as { events: unknown[] }).events.length === 25,
  );
  let cursor: string | null = '';
  while (cursor !== null) {
    const { body } = await server.ask(`/v1/events?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
    const page = body as { events: { event_id: string }[]; cursor: string | null };
    ids.push(...page.events.map(({ event_id }) => event_id));
    cursor = page.cursor;
  }
  expect(ids).toHaveLength(25);
  expect(new Set(ids).size).toBe(25);

  expect((await server.ask('/v1/facets?field=level,status')).body).toMatchObject({
    facets: [
      {
        field: 'level',
        values: [
          { value: 'info', count: 20 },
          { value: 'error', count: 5 },
        ],
      },
      {
        field: 'status',
        values: [
          { value: 200, count: 20 },
          { value: 500, count: 5 },
        ],
      },
    ],
  });
  const { body: histogram } = await server.ask('/v1/histogram?bucket=1h&from=-2h');
  const { buckets } = histogram as { buckets: { normal: number; error: number; slow: number }[] };
  expect(buckets.reduce((sum, bucket) => sum + bucket.normal, 0)).toBe(20);
  expect(buckets.reduce((sum, bucket) => sum + bucket.error, 0)).toBe(5);

  expect((await server.ask(`/v1/events/${P}-1`)).body).toMatchObject({
    event: { event_id: `${P}-1`, status: 500 },
    neighbours: [{ event_id: `${P}-3` }, { event_id: `${P}-2` }],
  });
  expect((await server.ask(`/v1/events/${P}-1?neighbours=1`)).body).toMatchObject({
    neighbours: [{ event_id: `${P}-3` }],
    limited: true,
  });
  expect((await server.ask(`/v1/events/${P}-1?neighbours=0`)).body).toMatchObject({
    event: { event_id: `${P}-1` },
    neighbours: [],
  });
  expect(await server.ask(`/v1/events/${P}-1?neighbours=201`)).toMatchObject({ status: 400 });
  const plan = { aggregates: [{ fn: 'count' }], groupBy: ['level'], where: 'status:500' };
  expect(await server.ask('/v1/query', jsonPost(plan))).toMatchObject({
    status: 200,
    body: { rows: [{ level: 'error', count: 5 }] },
  });
  const { body: fields } = await server.ask('/v1/fields');
  expect((fields as { fields: { name: string }[] }).fields.map(({ name }) => name)).toContain('status');
});

test('an error says what is wrong and where', async () => {
  const server = await startRealServer();
  for (const [path, init, status, error] of [
    ['/v1/events?q=status:(', undefined, 400, { code: 'SEARCH_SYNTAX', position: expect.any(Number) }],
    ['/v1/events?limit=0', undefined, 400, { code: 'BAD_PARAMETER', faults: [{ path: 'limit' }] }],
    ['/v1/events?lmit=5', undefined, 400, { code: 'BAD_PARAMETER', message: expect.stringContaining('lmit') }],
    ['/v1/events?cursor=zzz', undefined, 400, { code: 'BAD_CURSOR' }],
    ['/v1/events/aaaaaaaa-1', undefined, 404, { code: 'EVENT_NOT_FOUND' }],
    ['/v1/facets', undefined, 400, { code: 'BAD_PARAMETER', message: expect.stringContaining('field') }],
    [
      '/v1/query',
      jsonPost({ limit: 'many', from: 'soon' }),
      400,
      { code: 'BAD_PLAN', faults: [{ path: 'from' }, { path: 'limit' }] },
    ],
    ['/v1/query', { ...jsonPost({}), body: '{"a":' }, 400, { message: expect.any(String) }],
    ['/v1/nothing', undefined, 404, { code: 'NOT_FOUND' }],
  ] as const) {
    const answer = await server.ask(path, init);
    expect([path, answer.status]).toEqual([path, status]);
    expect(answer.body).toMatchObject({ error });
  }
});

test('the description of the API names every route, with the schemas that check them', async () => {
  const server = await startServer();
  const { body } = await server.get('/v1/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, { parameters?: { name: string }[] }>> };
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      if (path === '/v1/tail') continue;
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${server.url}${path.replace('{id}', 'aaaaaaaa-1')}`, {
        method: method.toUpperCase(),
        ...(method === 'post' ? { headers, body: '{}' } : {}),
      });
      expect([path, method, (await answer.text()).includes('"NOT_FOUND"')]).toEqual([path, method, false]);
    }
  }
  expect(paths['/v1/events']?.get?.parameters?.map(({ name }) => name)).toEqual(['q', 'from', 'to', 'limit', 'cursor']);
  expect(paths['/v1/query']?.post).toMatchObject({
    requestBody: { content: { 'application/json': { schema: { properties: { where: { type: 'string' } } } } } },
  });
});

test('a live tail shows what matches, once it is on disk, and goes when its client goes', async () => {
  const server = await startServer();
  const stop = new AbortController();
  const response = await fetch(`${server.url}/v1/tail?q=status:500`, { signal: stop.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  await server.post([eventLine(P, 1, { status: 200 }), eventLine(P, 2, { status: 500 })].join('\n'));
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes(`${P}-2`)) break;
  }
  expect(text).toMatch(/event: event\ndata: \{.*"status":500.*\}\n\n/);
  expect(text).not.toContain(`${P}-1"`);
  stop.abort();
  await eventually(
    async () => String((await server.get('/metrics')).body),
    (metrics) => /tailrace_tail_clients 0/.test(metrics),
  );
  expect((await server.get('/v1/tail?q=status:(')).status).toBe(400);
});

test('an open tail does not hold up the stop', async () => {
  const server = await startServer();
  const response = await fetch(`${server.url}/v1/tail`);
  await server.close();
  await expect(response.text()).resolves.toContain(': tail');
});

function jsonPost(body: unknown): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}
