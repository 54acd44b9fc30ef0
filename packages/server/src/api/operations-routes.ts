/** What an operator looks at: the ledger, health. */
import type { FastifyInstance } from 'fastify';
import type { ServerRuntime } from '../compose/parts.ts';
import { NEAR } from '../dead/fill-watch.ts';
import { roleAbsent } from './roles.ts';

/** A queue whose oldest line is older than this means that the writer doesn't keep up. */
const STALE_SECONDS = 60;

export function operationsRoutes(app: FastifyInstance, runtime: ServerRuntime): void {
  const { ledger, config } = runtime;
  const { roles } = config.arrangement;

  app.get('/v1/ledger', async () => {
    if (ledger === undefined) throw roleAbsent('GET /v1/ledger', 'write', roles);
    return ledger();
  });

  // It answers, so it lives: a store that fails is no reason to kill the process that holds the queue.
  app.get('/healthz', { config: { access: 'open' } }, async () => healthOf(runtime));
  app.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    const failure = unreadiness(runtime);
    reply.code(failure === undefined ? 200 : 503);
    return failure === undefined ? { ready: true } : { ready: false, error: failure };
  });
}

/** Why events that come to this process don't reach the store, or the broker that it publishes to. */
function unreadiness({ config, writer, stage }: ServerRuntime) {
  const failure = config.arrangement.roles.includes('write') ? writer?.stats().failure : undefined;
  if (failure !== undefined) return { code: 'STORE_FAILING', message: failure };
  if (stage?.status().stage !== 'refused') return undefined;
  return { code: 'QUEUE_FULL', message: 'the broker is down, and the spool on disk is full' };
}

function healthOf({ config, version, queue, writer, store, dead, stage }: ServerRuntime) {
  const { roles, ...kinds } = config.arrangement;
  const failure = writer?.stats().failure;
  const { depthBytes, ageSeconds } = queue?.stats() ?? { depthBytes: 0, ageSeconds: 0 };
  const stored = store?.stats();
  const way = stage?.status();
  const letters = dead?.status();
  const faults = [
    ...(failure === undefined ? [] : [failure]),
    ...(way === undefined || way.stage === 'queue'
      ? []
      : [`the way in is at the stage ${way.stage} (${way.name}) since ${way.since}; ${way.waitingBytes} bytes wait`]),
    ...(ageSeconds > STALE_SECONDS && failure === undefined
      ? [`the oldest line of the queue has waited for ${Math.round(ageSeconds)} s`]
      : []),
    ...(letters === undefined || letters.fill < NEAR
      ? []
      : [`dead letters are at ${Math.round(letters.fill * 100)} % of their bound; the oldest go when it is reached`]),
    ...(letters?.failure === undefined
      ? []
      : [`dead letters can't be kept in ${letters.place}: ${letters.failure}; ${letters.waiting} wait in files here`]),
    ...(stored === undefined || stored.quarantined.length === 0
      ? []
      : [`${stored.quarantined.length} segments could not be read and are set aside`]),
    ...(stored?.upkeepFailure === undefined
      ? []
      : [`merging or retiring segments fails: ${stored.upkeepFailure}; it is tried again`]),
  ];
  return {
    status: faults.length === 0 ? 'ok' : 'degraded',
    version,
    faults,
    roles,
    queue: kinds.queue,
    ...(way === undefined ? {} : { fallback: way }),
    queueDepthBytes: depthBytes,
    queueAgeSeconds: ageSeconds,
    uncommittedEvents: writer?.stats().uncommitted ?? 0,
    deadLetters: letters?.count ?? 0,
    store: {
      kind: kinds.store,
      ...(stored === undefined
        ? {}
        : {
            events: stored.events,
            segments: stored.segments,
            bytes: stored.bytes,
            hotEvents: stored.hotEvents,
            quarantined: stored.quarantined.length,
            ...(stored.upkeepFailure === undefined ? {} : { upkeepFailure: stored.upkeepFailure }),
          }),
    },
  };
}
