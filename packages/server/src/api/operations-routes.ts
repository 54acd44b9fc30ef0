/** What an operator looks at: the ledger, dead letters, health. */
import type { FastifyInstance } from 'fastify';
import type { Queue } from '../queue/queue.ts';
import type { DeadLetters } from '../sources/dead-letters.ts';
import type { Ingest } from '../sources/ingest.ts';
import type { Store } from '../store/store.ts';
import type { LedgerBook } from '../writer/ledger-book.ts';
import type { Writer } from '../writer/writer.ts';
import { check, deadParameters, replayBody } from './parameters.ts';

export interface OperationsOptions {
  readonly book: LedgerBook;
  readonly dead: DeadLetters;
  readonly ingest: Ingest;
  readonly queue: Queue;
  readonly store: Store;
  readonly writer: Writer;
  readonly version: string;
}

/** A queue whose oldest line is older than this means that the writer doesn't keep up. */
const STALE_SECONDS = 60;

export function operationsRoutes(app: FastifyInstance, parts: OperationsOptions): void {
  const { book, dead, ingest, queue, store, writer, version } = parts;

  app.get('/v1/ledger', async () => book.report());

  app.get('/v1/dead', async (request) => {
    const { limit } = check(deadParameters, request.query);
    return { dead: await dead.list(limit), count: dead.count, discarded: dead.discarded };
  });

  app.post('/v1/dead/replay', { config: { access: 'ingest' } }, async (request) => {
    const { ids } = check(replayBody, request.body ?? undefined);
    return dead.replay(ids === undefined ? undefined : new Set(ids), (letters) => ingest.acceptLetters(letters));
  });

  function health() {
    const { depthBytes, ageSeconds } = queue.stats();
    const { failure, uncommitted } = writer.stats();
    const { events, segments, bytes, hotEvents, quarantined } = store.stats();
    const faults = [
      ...(failure === undefined ? [] : [failure]),
      ...(ageSeconds > STALE_SECONDS && failure === undefined
        ? [`the oldest line of the queue has waited for ${Math.round(ageSeconds)} s`]
        : []),
      ...(quarantined.length === 0 ? [] : [`${quarantined.length} segments could not be read and are set aside`]),
    ];
    return {
      status: faults.length === 0 ? 'ok' : 'degraded',
      version,
      faults,
      queueDepthBytes: depthBytes,
      queueAgeSeconds: ageSeconds,
      uncommittedEvents: uncommitted,
      deadLetters: dead.count,
      store: { events, segments, bytes, hotEvents, quarantined: quarantined.length },
    };
  }

  // It answers, so it lives: a store that fails is no reason to kill the process that holds the queue.
  app.get('/healthz', { config: { access: 'open' } }, async () => health());
  app.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    const { failure } = writer.stats();
    reply.code(failure === undefined ? 200 : 503);
    return failure === undefined
      ? { ready: true }
      : { ready: false, error: { code: 'STORE_FAILING', message: failure } };
  });
}
