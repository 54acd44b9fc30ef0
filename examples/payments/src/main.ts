/** The shop's process. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { createAppModule } from './app.module.ts';
import { readShopSettings } from './settings.ts';

const settings = readShopSettings(process.env);
const app = await NestFactory.create(createAppModule(settings), { logger: ['error', 'warn'] });
app.enableShutdownHooks();
try {
  await app.listen(settings.port, settings.host);
  console.log(`The shop listens on ${await app.getUrl()}`);
} catch (error) {
  if (!isPortTaken(error)) throw error;
  console.error(`Port ${settings.port} is taken. Set PAYMENTS_PORT to a free one.`);
  process.exitCode = 1;
  await app.close();
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
