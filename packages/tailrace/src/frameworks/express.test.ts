import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, expect, it } from 'vitest';
import { type CollectedEvents, collectEvents } from '../testing/index.ts';
import { expressErrorHandler, expressMiddleware } from './express.ts';

let server: Server;

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
  app.use(expressErrorHandler());
  app.use((_error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
    if (response.headersSent) next();
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
