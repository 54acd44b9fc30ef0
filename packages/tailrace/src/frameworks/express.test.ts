import { get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import { afterEach, expect, it } from 'vitest';
import { type CollectedEvents, collectEvents } from '../testing/index.ts';
import { expressErrorHandler, expressMiddleware } from './express.ts';

let server: Server;

async function* slowly(chunks: Iterable<string>): AsyncGenerator<string> {
  for (const chunk of chunks) {
    await delay(5);
    yield chunk;
  }
}

function* endlessly(): Generator<string> {
  for (;;) yield 'and on ';
}

async function startShop(collected: CollectedEvents): Promise<string> {
  const { tailrace } = collected;
  const app = express();
  app.use(expressMiddleware(tailrace));
  app.use(express.json());
  const orders = express.Router({ mergeParams: true });
  orders.get('/', (_request, response) => {
    response.json([]);
  });
  orders.get('/:order', async (request, response) => {
    await tailrace.step('load', { service: 'store' }, async () => {
      if (request.params.order === 'broken') throw new Error('the row is broken');
    });
    response.json({ order: request.params.order });
  });
  app.use('/customers/:customer/orders', orders);
  app.post('/echo', (request, response) => {
    tailrace.set({ 'body.keys': Object.keys(request.body).length });
    response.end();
  });
  app.get('/stream', (_request, response) => {
    const source = Readable.from(slowly(['one ', 'two ', 'three']));
    source.on('data', () => tailrace.count('stream.chunks'));
    source.pipe(response);
  });
  app.get('/endless', (_request, response) => {
    pipeline(slowly(endlessly()), response).catch(() => {});
  });
  app.get('/torn', async (_request, response) => {
    response.write('so far so good');
    await delay(5);
    throw new RangeError('the source broke');
  });
  app.use(expressErrorHandler());
  app.use((error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
    if (response.headersSent) next(error);
    else response.status(500).end();
  });
  server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => new Promise((resolve) => server.close(resolve)));

it('tells the template through mounted routers, also after an error', async () => {
  const collected = collectEvents();
  const origin = await startShop(collected);
  await fetch(`${origin}/customers/12345/orders/o-1`);
  await fetch(`${origin}/customers/12345/orders`);
  await fetch(`${origin}/customers/12345/orders/broken`);
  const failed = await collected.waitFor({ status: 500 });
  expect(collected.events.map(({ route, status }) => [route, status])).toEqual([
    ['/customers/:id/orders/:order', 200],
    ['/customers/:id/orders', 200],
    ['/customers/:id/orders/:order', 500],
  ]);
  expect(failed).toMatchObject({
    service: 'store',
    'error.message': 'the row is broken',
    steps: [{ name: 'load', outcome: 'error' }],
  });
});

it('keeps the scope behind a body parser, and tells a broken body as a refusal', async () => {
  const collected = collectEvents();
  const origin = await startShop(collected);
  const post = (body: string) =>
    fetch(`${origin}/echo`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await post('{"a":1,"b":2}');
  expect(await collected.waitFor({ route: '/echo' })).toMatchObject({ 'body.keys': 2, status: 200 });
  await post('{"a":');
  expect(await collected.waitFor({ 'error.type': 'SyntaxError' })).toMatchObject({ 'url.path': '/echo' });
  await fetch(`${origin}/nowhere`);
  expect(await collected.waitFor({ status: 404 })).toMatchObject({ level: 'warn', 'url.path': '/nowhere' });
});

it('ends a streamed answer at its last byte, inside the scope', async () => {
  const collected = collectEvents();
  const origin = await startShop(collected);
  expect(await (await fetch(`${origin}/stream`)).text()).toBe('one two three');
  const event = await collected.waitFor({ route: '/stream' });
  expect(event).toMatchObject({ status: 200, level: 'info', 'stream.chunks': 3 });
  expect(event.aborted).toBeUndefined();
});

it('tells of a client that left in the middle of the answer', async () => {
  const collected = collectEvents();
  const origin = await startShop(collected);
  const request = get(`${origin}/endless`, (response) => response.once('data', () => request.destroy()));
  request.on('error', () => {});
  expect(await collected.waitFor({ route: '/endless' })).toMatchObject({ status: 200, aborted: true });
});

it('tells of an answer that broke off by an error of the application', async () => {
  const collected = collectEvents();
  const origin = await startShop(collected);
  await expect(fetch(`${origin}/torn`).then((response) => response.text())).rejects.toThrow();
  expect(await collected.waitFor({ route: '/torn' })).toMatchObject({
    level: 'error',
    aborted: true,
    'error.type': 'RangeError',
    'error.message': 'the source broke',
    'sampling.rule': 'HAS_ERROR',
  });
});
