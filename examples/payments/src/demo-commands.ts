/** How the demo starts the server and the shop: compiled from `dist`, or from source when the demo itself runs so. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ShopSettings } from './settings.ts';

export interface DemoCommand {
  /** Arguments of Node. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly pidFile: string;
}

const isSource = import.meta.url.endsWith('.ts');
const extension = isSource ? 'ts' : 'js';
const nodeArgs = [
  ...process.execArgv,
  '--import',
  new URL(`exit-with-parent.${extension}`, import.meta.url).href,
] as const;

export function serverCommand(dataDir: string, host: string, port: number): DemoCommand {
  return {
    args: [...nodeArgs, serverProgram(), 'server'],
    env: {
      ...process.env,
      TAILRACE_HOST: host,
      TAILRACE_PORT: String(port),
      TAILRACE_DATA_DIR: join(dataDir, 'server'),
    },
    logFile: join(dataDir, 'server.log'),
    pidFile: join(dataDir, 'server.pid'),
  };
}

export function shopCommand(dataDir: string, serverUrl: string, settings: ShopSettings): DemoCommand {
  return {
    args: [...nodeArgs, fileURLToPath(new URL(`main.${extension}`, import.meta.url))],
    env: {
      ...process.env,
      TAILRACE_URL: serverUrl,
      TAILRACE_DATA_DIR: join(dataDir, 'shop'),
      PAYMENTS_PORT: String(settings.port),
      PAYMENTS_SEED: String(settings.seed),
      PAYMENTS_TIME_FACTOR: String(settings.timeFactor),
      LOG_SAMPLING_NORMAL_RATE: String(settings.normalRate),
    },
    logFile: join(dataDir, 'shop.log'),
    pidFile: join(dataDir, 'shop.pid'),
  };
}

function serverProgram(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@tailrace/server/package.json'));
  return isSource ? join(folder, 'src/cli/tailrace.ts') : join(folder, 'bin/tailrace.js');
}
