/** Real processes for tests and fault scripts: TypeScript from source, ports that are free, and waiting for a condition. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export const SERVER_ENTRY = join(ROOT, 'packages/server/src/cli/tailrace.ts');
export const SHOP_ENTRY = join(ROOT, 'examples/payments/src/main.ts');
/** A child that loads this ends with the test that started it, however that ends. */
const EXIT_WITH_PARENT = join(ROOT, 'examples/payments/src/exit-with-parent.ts');
export const DEMO_ENTRY = join(ROOT, 'examples/payments/src/demo.ts');

/** Options of Node under which it runs this workspace from source. */
export const SOURCE_ARGS = [
  '--import',
  new URL('../scripts/source/register.js', import.meta.url).href,
  '--conditions=@tailrace/source',
] as const;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Receives stdout and stderr. */
  readonly logFile: string;
  /** Modules to load before the entry. */
  readonly preload?: readonly string[];
  readonly cwd?: string;
}

/** Starts a TypeScript file of this workspace in a process of its own. */
export function runSource(entry: string, args: readonly string[], options: RunOptions): ChildProcess {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  const preloads = [EXIT_WITH_PARENT, ...(options.preload ?? [])].flatMap((file) => [
    '--import',
    pathToFileURL(file).href,
  ]);
  const child = spawn(process.execPath, [...SOURCE_ARGS, ...preloads, entry, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...cleanEnvironment(), ...options.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json') },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  child.channel?.unref();
  return child;
}

const SETTINGS = [
  /^(?:TAILRACE|PAYMENTS|LOG|VITEST|MQ|REDIS|MONGODB|CLICKHOUSE)_/,
  /^(?:NODE_ENV|NODE_OPTIONS|SERVICE_NAME|STORAGE_TYPE|KAFKA_LOG_TOPIC|API_BASE_PATH)$/,
];

/** The environment without settings of Tailrace that a developer may have in it, and without those of the test runner. */
export function cleanEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !SETTINGS.some((pattern) => pattern.test(name))) env[name] = value;
  }
  return env;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Sends a signal and waits for the end; a process that takes longer than a minute over it is killed, and that is an error. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const giveUp = new AbortController();
  const outcome = await Promise.race([
    ended.then(() => 'ended' as const),
    sleep(60_000, 'late' as const, { signal: giveUp.signal, ref: false }),
  ]);
  giveUp.abort();
  if (outcome === 'ended') return;
  child.kill('SIGKILL');
  throw new Error(`process ${child.pid} did not end within a minute of ${signal}`);
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/**
 * Asks again and again until the answer is there.
 *
 * @throws Error naming what was waited for, and what was last seen.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
  describe: () => string = () => '',
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}. ${describe()}`);
    await sleep(50);
  }
}

export function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
