/**
 * The composition root: every part of the server is made here, in the order in which data meets them backwards, handed
 * to those that need it, and closed in reverse.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { createProducerId } from 'tailrace/event';
import { createRedactor } from 'tailrace/redaction';
import { makeFolder } from 'tailrace/spool';
import { guard } from './access/access.ts';
import { answerErrors } from './api/errors.ts';
import { createLiveTail } from './api/live-tail.ts';
import { createMetrics, metricsRoute } from './api/metrics.ts';
import { openApiRoute } from './api/openapi.ts';
import { operationsRoutes } from './api/operations-routes.ts';
import { screens } from './api/screens.ts';
import { searchRoutes } from './api/search-routes.ts';
import { tailRoute } from './api/tail-route.ts';
import { claimFolder } from './claim-folder.ts';
import type { ServerConfig } from './config.ts';
import { openSpoolQueue } from './queue/spool-queue.ts';
import { DeadLetters } from './sources/dead-letters.ts';
import { httpSource } from './sources/http.ts';
import { Ingest } from './sources/ingest.ts';
import type { Store } from './store/store.ts';
import { LedgerBook } from './writer/ledger-book.ts';
import { Pace } from './writer/pace.ts';
import { Writer } from './writer/writer.ts';

export type Log = (level: 'info' | 'warn' | 'error', message: string) => void;

export interface ServerParts {
  /** Opens the store in a folder of its own. */
  readonly openStore: (directory: string, log: Log) => Promise<Store>;
  readonly log?: Log;
  readonly now?: () => number;
}

export interface RunningServer {
  /** Where it listens, as `http://127.0.0.1:7300`. */
  readonly url: string;
  /** Stops listening, finishes the requests at hand, commits, and closes. */
  close(): Promise<void>;
}

const TAIL_BACKLOG_LINES = 1000;
const MAX_AHEAD_BYTES = 2 * 1024 * 1024;
const STALL_MS = 1000;
const QUERY_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 120_000;

/** @throws Error where the data folder is in use, or can't be read or written, or the port is taken. */
export async function createServer(config: ServerConfig, parts: ServerParts): Promise<RunningServer> {
  const log = parts.log ?? logToStderr;
  const now = parts.now ?? Date.now;
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  try {
    const queueDirectory = join(config.dataDir, 'queue');
    await makeFolder(queueDirectory, 0o700);
    const owner = `server-${createProducerId(Date.now(), Math.random)}`;
    const claim = await claimFolder(queueDirectory, { dataDir: config.dataDir, owner, log });
    closers.push(async () => claim.release());

    const store = await parts.openStore(join(config.dataDir, 'store'), log);
    closers.push(() => store.close());

    const queue = await openSpoolQueue({
      directory: queueDirectory,
      fsync: config.fsync,
      maxBytes: config.queueMaxBytes,
      from: store.checkpoint?.position,
      onNotice: ({ code, message }) => log('warn', `queue: ${message} (${code})`),
    });
    closers.push(() => queue.close());

    const dead = await DeadLetters.open({
      directory: join(config.dataDir, 'dead'),
      maxBytes: config.deadMaxBytes,
      sync: config.fsync === 'always',
    });
    const book = new LedgerBook(
      { maxProducers: config.maxProducers, graceMs: config.ledgerGraceSeconds * 1000, now },
      store.checkpoint?.ledger,
    );
    const live = createLiveTail({ maxClients: config.tailClients, backlogLines: TAIL_BACKLOG_LINES });
    const pace = new Pace({ maxBytes: MAX_AHEAD_BYTES, stallMs: STALL_MS });
    const metrics = createMetrics();
    const ingest = new Ingest({
      queue,
      book,
      dead,
      live,
      pace,
      redactor: config.redaction === 'on' ? createRedactor() : undefined,
      maxLineBytes: config.maxLineBytes,
      producer: createProducerId(now(), Math.random),
      now,
      onCount: metrics.countIngest,
    });
    const writer = new Writer({
      queue,
      store,
      book,
      pace,
      bury: (lines) => ingest.bury(lines, 'queue'),
      commitLines: config.commitLines,
      commitBytes: config.commitBytes,
      commitSeconds: config.commitSeconds,
      log,
      now,
    });
    await writer.replay();
    writer.start();
    closers.push(() => writer.close());
    metrics.watch({ queue, store, writer, book, dead, live });

    const app = Fastify({
      bodyLimit: QUERY_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      forceCloseConnections: 'idle',
      routerOptions: { maxParamLength: 256 },
    });
    closers.push(() => app.close());
    answerErrors(app, log);
    guard(app, config);
    httpSource(app, { ...config, ingest });
    searchRoutes(app, { store, onQuery: metrics.observeQuery });
    tailRoute(app, live);
    const version = readVersion();
    operationsRoutes(app, { book, dead, ingest, queue, store, writer, version });
    metricsRoute(app, metrics);
    openApiRoute(app, version);
    const notice = screens(app);
    if (notice !== undefined) log('warn', notice);

    const url = await listen(app, config);
    return { url, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function listen(app: FastifyInstance, { port, host }: ServerConfig): Promise<string> {
  try {
    return await app.listen({ port, host });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new Error(`port ${port} on ${host} is taken by another program: stop it, or set TAILRACE_PORT`);
    }
    if (code === 'EACCES')
      throw new Error(`port ${port} on ${host} is not for this user: set TAILRACE_PORT above 1023`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new Error(`${host} is no address of this machine: set TAILRACE_HOST`);
    }
    throw error;
  }
}

function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}

export function logToStderr(level: 'info' | 'warn' | 'error', message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
}
