/** How the demo starts the server, the shop and, where they log to a file, the agent: compiled from `dist`, or from source when the demo itself runs so. */
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
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

export function shopCommand(
  dataDir: string,
  serverUrl: string,
  logFile: string | undefined,
  settings: ShopSettings,
): DemoCommand {
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
      ...(logFile !== undefined && { LOG_FILE_PATH: logFile }),
    },
    logFile: join(dataDir, 'shop.log'),
    pidFile: join(dataDir, 'shop.pid'),
  };
}

/** Reads the shop's log file, and brings what stands in it to the server. */
export function agentCommand(
  dataDir: string,
  serverUrl: string,
  logFile: string,
): DemoCommand & { readonly agentDir: string } {
  const agentDir = join(dataDir, 'agent');
  return {
    agentDir,
    args: [...nodeArgs, serverProgram(), 'agent', '--file', logFile, '--to', serverUrl, '--data-dir', agentDir],
    env: {
      ...process.env,
      // The shop has decided: nothing is left out a second time.
      LOG_SAMPLING_NORMAL_RATE: '1',
    },
    logFile: join(dataDir, 'agent.log'),
    pidFile: join(dataDir, 'agent.pid'),
  };
}

/** Where the shop logs to, where that is a file: the environment says so as it does for any application. */
export function logFileOf(env: NodeJS.ProcessEnv, dataDir: string): string | undefined {
  if (env.STORAGE_TYPE?.trim().toLowerCase() !== 'file') return undefined;
  const path = env.LOG_FILE_PATH?.trim() ?? '';
  return path === '' ? join(dataDir, 'shop', 'events.ndjson') : resolve(path);
}

function serverProgram(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@tailrace/server/package.json'));
  return isSource ? join(folder, 'src/cli/tailrace.ts') : join(folder, 'bin/tailrace.js');
}
