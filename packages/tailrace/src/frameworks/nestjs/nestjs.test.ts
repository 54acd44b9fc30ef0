import 'reflect-metadata';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  type ArgumentsHost,
  Body,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  HttpException,
  type INestApplication,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  StreamableFile,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '../../logger/logger.ts';
import type { Tailrace } from '../../tailrace.ts';
import { type CollectedEvents, collectEvents } from '../../testing/index.ts';
import {
  LogRedact,
  LogRequestMeta,
  LogResponseMeta,
  LogUser,
  NoLog,
  SamplingHint,
  Service,
  TAILRACE,
  TAILRACE_LOGGER,
  TailraceLoggerService,
  TailraceModule,
} from './index.ts';

class GatewayError extends Error {
  readonly code = 'GATEWAY_TIMEOUT';
}

@Catch(GatewayError)
class GatewayFilter implements ExceptionFilter {
  catch(_error: GatewayError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse();
    const body = { code: 'GATEWAY_TIMEOUT' };
    if (typeof response.code === 'function') response.code(400).send(body);
    else response.status(400).json(body);
  }
}

@Injectable()
class NobodyGuard implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException('nobody may pass');
  }
}

@Injectable()
class BrokenGuard implements CanActivate {
  canActivate(): boolean {
    throw new RangeError('the guard itself broke');
  }
}

@Injectable()
class UserGuard implements CanActivate {
  canActivate(context: { switchToHttp(): { getRequest(): Record<string, unknown> } }): boolean {
    context.switchToHttp().getRequest().user = { sub: 'u-7', roles: ['admin', 'ops'] };
    return true;
  }
}

@Controller('shop')
@Service('shop-front')
class ShopController {
  readonly #tailrace: Tailrace;
  readonly #log: Logger;

  constructor(@Inject(TAILRACE) tailrace: Tailrace, @Inject(TAILRACE_LOGGER) log: Logger) {
    this.#tailrace = tailrace;
    this.#log = log;
  }

  @Get('items/:id')
  item(@Param('id', ParseIntPipe) id: number): object {
    this.#tailrace.set({ 'item.id': id });
    this.#log.info('looked up', { id });
    return { id };
  }

  @Get('missing')
  missing(): never {
    throw new NotFoundException('there is no such thing');
  }

  @Post('pay')
  @UseFilters(GatewayFilter)
  async pay(): Promise<void> {
    await this.#tailrace.step('charge', { service: 'gateway' }, async () => {
      throw new GatewayError('no answer in 2 s');
    });
  }

  @Post('refuse')
  async refuse(): Promise<void> {
    await this.#tailrace.step('balance', { service: 'balance' }, async () => {
      throw Object.assign(new HttpException('not enough', 400), { code: 'INSUFFICIENT_BALANCE' });
    });
  }

  @Get('broken')
  broken(): never {
    throw new TypeError('undefined is not a function');
  }

  @Get('nobody')
  @UseGuards(NobodyGuard)
  nobody(): string {
    return 'never';
  }

  @Get('broken-guard')
  @UseGuards(BrokenGuard)
  brokenGuard(): string {
    return 'never';
  }

  @Get('me')
  @UseGuards(UserGuard)
  @LogUser()
  me(): string {
    return 'you';
  }

  @Post('meta')
  @LogRequestMeta('body.order.id', 'body.note', 'body.items', 'query.page')
  @LogResponseMeta('receipt')
  @LogRedact('request.body.note', 'customer.email')
  meta(@Body() body: { note: string }): object {
    this.#tailrace.set({ customer: { email: 'a@b.example', tier: 'gold' }, 'note.length': body.note.length });
    return { receipt: 'r-1', secretInside: 'x' };
  }

  @Get('health')
  @NoLog()
  health(): string {
    return 'ok';
  }

  @Get('hinted')
  @SamplingHint(0.25)
  hinted(): string {
    return 'ok';
  }

  @Get('stream')
  stream(): StreamableFile {
    const tailrace = this.#tailrace;
    async function* chunks(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 3; i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        tailrace.count('stream.chunks');
        yield Buffer.from(`chunk ${i}\n`);
      }
    }
    return new StreamableFile(Readable.from(chunks()));
  }

  @Get('torn')
  torn(): StreamableFile {
    async function* chunks(): AsyncGenerator<Buffer> {
      yield Buffer.from('so far so good');
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new GatewayError('the source broke');
    }
    return new StreamableFile(Readable.from(chunks()));
  }

  @Get('endless')
  endless(): StreamableFile {
    return new StreamableFile(
      new Readable({
        read() {
          setTimeout(() => this.push('more\n'), 5);
        },
      }),
    );
  }
}

const platforms = [
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const;

describe.each(platforms)('Nest on %s', (_name, createAdapter) => {
  let app: INestApplication;
  let collected: CollectedEvents;
  let origin: string;

  beforeEach(async () => {
    collected = collectEvents({ service: 'shop' });
    const { tailrace } = collected;

    @Module({
      imports: [TailraceModule.forRootAsync({ useFactory: async () => ({ instance: tailrace }) })],
      controllers: [ShopController],
    })
    class AppModule {}

    app = await NestFactory.create(AppModule, createAdapter(), { bufferLogs: true });
    app.useLogger(app.get(TailraceLoggerService));
    app.setGlobalPrefix('api');
    await app.listen(0, '127.0.0.1');
    origin = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/api`;
  });

  afterEach(async () => {
    await app.close();
  });

  const requestEvent = (pattern: object = {}) =>
    collected.waitFor({ method: (value: unknown) => value !== undefined, ...pattern });

  it('tells a request by its template, and its lines by their class', async () => {
    expect(await (await fetch(`${origin}/shop/items/42?x=1`, { headers: { 'x-request-id': 'r-42' } })).json()).toEqual({
      id: 42,
    });
    const event = await requestEvent();
    expect(event).toMatchObject({
      route: '/api/shop/items/:id',
      method: 'GET',
      status: 200,
      level: 'info',
      service: 'shop-front',
      request_id: 'r-42',
      'item.id': 42,
      'log.counts.info': 1,
      'sampling.rule': 'SAMPLED_NORMAL',
    });
    expect(event['url.path']).toBe('/api/shop/items/42');
    const line = collected.expectOne({ message: 'looked up' });
    expect(line).toMatchObject({ topic: 'ShopController', trace_id: event.trace_id, request_id: 'r-42' });
  });

  it('records what a step threw, though a filter turned it into another answer', async () => {
    expect((await fetch(`${origin}/shop/pay`, { method: 'POST' })).status).toBe(400);
    expect(await requestEvent()).toMatchObject({
      status: 400,
      level: 'error',
      service: 'gateway',
      'error.code': 'GATEWAY_TIMEOUT',
      'error.message': 'no answer in 2 s',
      'sampling.rule': 'HAS_ERROR',
      steps: [{ name: 'charge', service: 'gateway', outcome: 'error', code: 'GATEWAY_TIMEOUT' }],
    });
  });

  it('takes a refusal that came out of a step for a failure', async () => {
    expect((await fetch(`${origin}/shop/refuse`, { method: 'POST' })).status).toBe(400);
    expect(await requestEvent()).toMatchObject({
      status: 400,
      level: 'error',
      service: 'balance',
      'error.code': 'INSUFFICIENT_BALANCE',
      'sampling.rule': 'HAS_ERROR',
    });
  });

  it('tells why a request was refused, without calling it an error', async () => {
    await fetch(`${origin}/shop/missing`);
    expect(await requestEvent()).toMatchObject({
      route: '/api/shop/missing',
      status: 404,
      level: 'warn',
      'error.type': 'NotFoundException',
      'error.message': 'there is no such thing',
      'sampling.rule': 'SAMPLED_NORMAL',
    });
  });

  it('records an error that nobody expected', async () => {
    expect((await fetch(`${origin}/shop/broken`)).status).toBe(500);
    expect(await requestEvent()).toMatchObject({
      status: 500,
      'error.type': 'TypeError',
      'sampling.rule': 'HAS_ERROR',
    });
  });

  it('ends requests that never reach a handler: guards, pipes, unknown routes, broken bodies', async () => {
    await fetch(`${origin}/shop/nobody`);
    expect(await requestEvent({ status: 403 })).toMatchObject({
      route: '/api/shop/nobody',
      level: 'warn',
      'error.message': 'nobody may pass',
    });
    await fetch(`${origin}/shop/broken-guard`);
    expect(await requestEvent({ status: 500 })).toMatchObject({
      route: '/api/shop/broken-guard',
      level: 'error',
      'error.type': 'RangeError',
    });
    await fetch(`${origin}/shop/items/seven`);
    expect(await requestEvent({ status: 400 })).toMatchObject({ route: '/api/shop/items/:id', level: 'warn' });
    collected.clear();
    await fetch(`${origin}/nowhere`);
    const unknown = await requestEvent({ status: 404 });
    expect(unknown.route).toBeUndefined();
    expect(unknown['url.path']).toBe('/api/nowhere');
    await fetch(`${origin}/shop/meta`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"broken',
    });
    expect(await requestEvent({ status: 400, 'url.path': '/api/shop/meta' })).toMatchObject({ level: 'warn' });
  });

  it('takes the user, and the allowed parts of request and response, and nothing else', async () => {
    await fetch(`${origin}/shop/me`);
    expect(await requestEvent({ route: '/api/shop/me' })).toMatchObject({ 'user.id': 'u-7', 'user.role': 'admin,ops' });
    await fetch(`${origin}/shop/meta?page=3`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        order: { id: 'o-1', gift: true },
        note: 'private',
        items: Array(30).fill('x'.repeat(300)),
      }),
    });
    const event = await requestEvent({ route: '/api/shop/meta' });
    expect(event).toMatchObject({
      'request.body.order.id': 'o-1',
      'request.query.page': '3',
      'response.receipt': 'r-1',
      'customer.tier': 'gold',
      'customer.email': '[REDACTED]',
      'request.body.note': '[REDACTED]',
    });
    expect(event['request.body.items']).toHaveLength(11);
    expect(Object.keys(event).filter((key) => /gift|secretInside/.test(key))).toEqual([]);
    expect(JSON.stringify(event)).not.toContain('private');
  });

  it('leaves out what it is told to leave out, and takes a rate from the code', async () => {
    await fetch(`${origin}/shop/health`);
    const hinted = 'ffffffffffffff';
    await fetch(`${origin}/shop/hinted`, {
      headers: { traceparent: `00-${'0'.repeat(17)}1${hinted}-${'1'.repeat(16)}-01` },
    });
    expect(await requestEvent({ route: '/api/shop/hinted' })).toMatchObject({
      'sampling.rule': 'SAMPLING_HINT',
      'sampling.rate': 0.25,
    });
    expect(collected.find({ route: '/api/shop/health' })).toEqual([]);
    expect(collected.tailrace.ledger()).toMatchObject({ sampled_out: { NO_LOG: 1 } });
  });

  it('ends a streamed response at its real end, still inside the scope', async () => {
    expect(await (await fetch(`${origin}/shop/stream`)).text()).toBe('chunk 0\nchunk 1\nchunk 2\n');
    const event = await requestEvent();
    expect(event).toMatchObject({ status: 200, 'stream.chunks': 3 });
    expect(event.duration_ms).toBeGreaterThan(50);
    expect(event.aborted).toBeUndefined();
  });

  it('tells of a client that went away', async () => {
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${origin}/shop/endless`, (response) => {
        response.once('data', () => request.destroy());
        response.once('close', resolve);
        response.once('error', () => {});
      });
      request.once('error', () => {});
      request.end();
    });
    const event = await requestEvent();
    expect(event).toMatchObject({ route: '/api/shop/endless', status: 200, aborted: true, level: 'info' });
    expect(event['error.type']).toBeUndefined();
  });

  it('records why a streamed response broke off', async () => {
    await expect(fetch(`${origin}/shop/torn`).then((response) => response.text())).rejects.toThrow();
    expect(await requestEvent()).toMatchObject({
      route: '/api/shop/torn',
      aborted: true,
      level: 'error',
      'error.code': 'GATEWAY_TIMEOUT',
      'error.message': 'the source broke',
      'sampling.rule': 'HAS_ERROR',
    });
  });

  it("writes Nest's own lines", () => {
    expect(collected.find({ topic: 'NestApplication' }).length).toBeGreaterThan(0);
  });
});

it('meets requests that come without a server', async () => {
  const { tailrace, waitFor } = collectEvents();

  @Module({ imports: [TailraceModule.forRoot({ instance: tailrace })], controllers: [ShopController] })
  class AppModule {}

  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false });
  await app.init();
  const answer = await app.inject({ method: 'GET', url: '/shop/items/7' });
  expect(answer.statusCode).toBe(200);
  expect(await waitFor({ route: '/shop/items/:id' })).toMatchObject({ status: 200, 'item.id': 7 });
  await app.close();
});
