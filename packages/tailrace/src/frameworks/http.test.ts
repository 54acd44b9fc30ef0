import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type CollectedEvents, collectEvents } from '../testing/index.ts';
import { wrapHandler } from './http.ts';

const servers: Server[] = [];

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const aRequest = { method: (value: unknown) => value !== undefined };

describe('a node:http service', () => {
  it('ends each request as one event, and holds the scope in its streams', async () => {
    const collected = collectEvents({ service: 'echo' });
    const { tailrace } = collected;
    const origin = await serve(
      wrapHandler(
        tailrace,
        (request, response) => {
          let bytes = 0;
          request.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
          });
          request.on('end', () => {
            tailrace.set({ 'body.bytes': bytes });
            response.statusCode = 201;
            response.end('taken');
          });
          response.on('finish', () => tailrace.log.info('sent'));
        },
        { route: () => '/echo/:id' },
      ),
    );
    await fetch(`${origin}/echo/7?token=abc`, { method: 'POST', body: 'x'.repeat(100_000) });
    const event = await collected.waitFor(aRequest);
    expect(event).toMatchObject({
      route: '/echo/:id',
      'url.path': '/echo/7',
      method: 'POST',
      status: 201,
      'body.bytes': 100_000,
      service: 'echo',
    });
    expect(event.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(event)).not.toContain('abc');
    expect(await collected.waitFor({ message: 'sent' })).toMatchObject({ trace_id: event.trace_id });
  });

  it('keeps requests on one connection apart', async () => {
    const collected = collectEvents();
    const { tailrace } = collected;
    const origin = await serve(
      wrapHandler(tailrace, (request, response) => {
        request.resume().on('end', () => {
          tailrace.set({ path: request.url });
          response.end();
        });
      }),
    );
    for (let i = 0; i < 5; i += 1) await (await fetch(`${origin}/${i}`)).text();
    await collected.waitFor({ path: '/4' });
    expect(collected.events.map((event) => [event['url.path'], event.path])).toEqual(
      [0, 1, 2, 3, 4].map((i) => [`/${i}`, `/${i}`]),
    );
    expect(new Set(collected.events.map((event) => event.trace_id)).size).toBe(5);
  });

  it('tells of a client that left before the answer', async () => {
    const collected = collectEvents();
    const origin = await serve(wrapHandler(collected.tailrace, () => {}));
    const request = httpRequest(`${origin}/slow`);
    request.on('error', () => {});
    request.end();
    await expect.poll(async () => (await collected.tailrace.stats()).openScopes).toBe(1);
    request.destroy();
    expect(await collected.waitFor(aRequest)).toMatchObject({ status: 499, aborted: true, level: 'warn' });
  });
});

describe('a keep decision', () => {
  /** Front → middle → back; each answers with what the one behind it answered. */
  async function chain(backStatus: number, sampling = { normalRate: 0 }) {
    const services: Record<string, CollectedEvents> = {};
    let next: string | undefined;
    for (const service of ['back', 'middle', 'front']) {
      const collected = collectEvents({ service, sampling });
      services[service] = collected;
      const behind: string | undefined = next;
      next = await serve(
        wrapHandler(collected.tailrace, async (_request, response) => {
          if (behind === undefined) {
            response.writeHead(backStatus).end();
            return;
          }
          await collected.tailrace.fetch(behind);
          response.end('fine');
        }),
      );
    }
    const answer = await fetch(next ?? '');
    await answer.text();
    const ended = Object.values(services).map(({ tailrace }) => expect.poll(() => tailrace.ledger().emitted).toBe(1));
    await Promise.all(ended);
    return { services, answer };
  }

  it("of a callee that failed reaches its callers' callers over HTTP", async () => {
    const { services, answer } = await chain(500);
    const back = services.back?.expectOne({ 'sampling.rule': 'HAS_ERROR' });
    const middle = services.middle?.expectOne({ 'sampling.rule': 'CALLEE_KEPT' });
    const front = services.front?.expectOne({ 'sampling.rule': 'CALLEE_KEPT' });
    expect(middle).toMatchObject({ 'sampling.rate': 1, status: 200, level: 'info' });
    expect(new Set([back?.trace_id, middle?.trace_id, front?.trace_id]).size).toBe(1);
    expect(back?.parent_span_id).toBe(middle?.span_id);
    expect(middle?.parent_span_id).toBe(front?.span_id);
    // Who sends no trace has no event to keep.
    expect(answer.headers.get('tailrace-kept')).toBeNull();
  });

  it('is not needed where nothing failed: all of them leave the request out', async () => {
    const { services } = await chain(200);
    for (const { events } of Object.values(services)) expect(events).toEqual([]);
  });

  it('is the same in all of them for normal events with equal rates', async () => {
    for (let i = 0; i < 20; i += 1) {
      const { services } = await chain(200, { normalRate: 0.5 });
      const kept = Object.values(services).map(({ events }) => events.length);
      expect(new Set(kept).size).toBe(1);
    }
  });

  it('that was told stands, whatever comes after', async () => {
    const { tailrace, expectOne } = collectEvents({
      sampling: { normalRate: 0, rules: [{ name: 'EARLY', rate: 1, when: (event) => event.phase === 'early' }] },
    });
    const scope = tailrace.startScope({ route: '/x', phase: 'early' });
    expect(scope.keepSignal()).toBe('EARLY;rate=1');
    scope.set({ phase: 'late' });
    scope.end();
    expect(expectOne({ route: '/x' })).toMatchObject({ phase: 'late', 'sampling.rule': 'EARLY' });
  });
});
