/** A real server in this process, on a free port and in a folder of its own. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { createServer, type RunningServer } from '../src/server.ts';
import { type MemoryDisk, memoryDisk, openMemoryStore } from './memory-store.ts';

export interface TestServer extends RunningServer {
  readonly dataDir: string;
  readonly disk: MemoryDisk;
  readonly log: string[];
  post(
    body: string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; body: unknown; headers: Headers }>;
}

export interface TestServerOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly dataDir?: string;
  readonly disk?: MemoryDisk;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const disk = options.disk ?? memoryDisk();
  const log: string[] = [];
  const config = loadConfig({}, { port: 0, dataDir, ...options.settings });
  const server = await createServer(config, {
    openStore: async () => openMemoryStore(disk),
    log: (level, message) => log.push(`${level} ${message}`),
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= server.close();
    return closed;
  };
  onTestFinished(close);
  return {
    url: server.url,
    dataDir,
    disk,
    log,
    close,
    reload: server.reload,
    post: (body, headers) =>
      answerOf(
        fetch(`${server.url}/v1/events`, {
          method: 'POST',
          body: body as BodyInit,
          headers: { 'content-type': 'application/x-ndjson', ...headers },
        }),
      ),
    get: (path, headers) => answerOf(fetch(`${server.url}${path}`, headers === undefined ? {} : { headers })),
  };
}

async function answerOf(sent: Promise<Response>): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await sent;
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
}

/** An event as the library sends it. */
export function eventLine(producer: string, sequence: number, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    schema: 'tailrace/event/v1',
    event_id: `${producer}-${sequence}`,
    timestamp: new Date().toISOString(),
    level: 'info',
    service: 'payments',
    ...fields,
    'sampling.rule': 'SAMPLED_NORMAL',
    'sampling.rate': 1,
  });
}

/** Asks until the answer holds, since what was accepted is found within a second, not at once. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const untilMs = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > untilMs) throw new Error(`still not so: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
