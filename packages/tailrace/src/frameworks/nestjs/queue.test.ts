import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startService } from '../../../../../tests/services.ts';
import { TailraceModule, type TailraceModuleOptions } from './index.ts';

const redis = await startService('redis');
const client = redis === undefined ? undefined : await createClient({ url: redis.url }).connect();
afterAll(async () => {
  client?.destroy();
  await redis?.close();
});

@Controller('shop')
class ShopController {
  @Get()
  list(): string[] {
    return ['tea'];
  }
}

const SETTINGS = Symbol('settings');

@Module({ providers: [{ provide: SETTINGS, useValue: { rate: 1 } }], exports: [SETTINGS] })
class SettingsModule {}

let dataDir: string;
let app: INestApplication | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tailrace-nest-'));
  vi.stubEnv('MQ_ENABLED', 'true');
  vi.stubEnv('MQ_TYPE', 'redis');
  vi.stubEnv('REDIS_URL', redis?.url ?? '');
});

afterEach(async () => {
  await app?.close();
  app = undefined;
  vi.unstubAllEnvs();
  rmSync(dataDir, { recursive: true, force: true });
});

const optionsOf = (normalRate: number): TailraceModuleOptions => ({
  service: 'nest-shop',
  dataDir,
  handleExit: false,
  sampling: { normalRate },
});

function start(tailrace: ReturnType<typeof TailraceModule.forRoot>): Promise<INestApplication> {
  @Module({ imports: [tailrace], controllers: [ShopController] })
  class AppModule {}
  return NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
}

/** Connections to Redis beside this test's own. */
async function connections(): Promise<number> {
  const list = String(await client?.sendCommand(['CLIENT', 'LIST']));
  return list.split('\n').filter((line) => line.startsWith('id=')).length - 1;
}

describe.skipIf(redis === undefined)('a Nest application with a queue in its environment', () => {
  it.each([
    ['forRoot', () => TailraceModule.forRoot(optionsOf(1))],
    [
      'forRootAsync',
      () =>
        TailraceModule.forRootAsync({
          imports: [SettingsModule],
          inject: [SETTINGS],
          useFactory: ({ rate }: { rate: number }) => optionsOf(rate),
        }),
    ],
  ] as const)('sends its events there, and closes its connection with itself (%s)', async (name, module) => {
    const stream = `nest-${name}`;
    vi.stubEnv('MQ_LOG_TOPIC', stream);
    app = await start(module());
    await app.listen(0, '127.0.0.1');
    expect(await (await fetch(`${await app.getUrl()}/shop`)).json()).toEqual(['tea']);
    await vi.waitFor(async () => expect(await connections()).toBeGreaterThan(0), { timeout: 20_000 });
    await app.close();
    app = undefined;

    const entries = (await client?.xRange(stream, '-', '+')) ?? [];
    const lines = entries.map(({ message }) => JSON.parse(String(message.line)));
    expect(lines).toContainEqual(expect.objectContaining({ service: 'nest-shop', route: '/shop', status: 200 }));
    // The last word of its ledger, which says that it is closed.
    expect(lines).toContainEqual(expect.objectContaining({ schema: 'tailrace/ledger/v1', closed: true }));
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 20_000 });
  });

  it('does not start with a wrong environment, and says all that is wrong', async () => {
    vi.stubEnv('MQ_TYPE', 'rediss');
    vi.stubEnv('STORAGE_TYPE', 'mongo');
    await expect(start(TailraceModule.forRoot(optionsOf(1)))).rejects.toThrow(
      /STORAGE_TYPE is "mongo".*\n.*MQ_TYPE is "rediss"; accepted: kafka, redis\. Did you mean redis\?/,
    );
  });
});
