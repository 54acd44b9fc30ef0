/** The HTTP side: every route that the roles of this process have, and for the others an answer that says who has them. */
import Fastify, { type FastifyInstance } from 'fastify';
import { guard } from '../access/access.ts';
import { adminRoutes } from '../api/admin-routes.ts';
import { deadRoutes } from '../api/dead-routes.ts';
import { answerErrors } from '../api/errors.ts';
import { type Metrics, metricsRoute } from '../api/metrics.ts';
import { openApiRoute } from '../api/openapi.ts';
import { operationsRoutes } from '../api/operations-routes.ts';
import { absentRoutes } from '../api/roles.ts';
import { screens } from '../api/screens.ts';
import { searchRoutes } from '../api/search-routes.ts';
import { tailRoute } from '../api/tail-route.ts';
import { followStore } from '../api/tail-store.ts';
import type { Reload } from '../live-config.ts';
import type { Log } from '../log.ts';
import { httpSource } from '../sources/http.ts';
import type { ServerRuntime } from './parts.ts';

const QUERY_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 120_000;

export interface ApiOptions {
  readonly runtime: ServerRuntime;
  readonly metrics: Metrics;
  readonly reload: () => Reload;
  readonly log: Log;
  readonly now: () => number;
  readonly onOpen: (close: () => Promise<void>) => void;
}

export function openApi({ runtime, metrics, reload, log, now, onOpen }: ApiOptions): FastifyInstance {
  const { config, ingest, store, live, version } = runtime;
  const { roles, queue } = config.arrangement;
  const { basePath } = config;
  const app = Fastify({
    bodyLimit: QUERY_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    rewriteUrl: ({ url = '/' }) => withoutBase(url, basePath),
  });
  onOpen(() => app.close());
  answerErrors(app, log);
  guard(app, config);
  if (ingest === undefined) absentRoutes(app, 'ingest', roles);
  else httpSource(app, config, ingest);
  if (store === undefined || !roles.includes('query')) absentRoutes(app, 'query', roles);
  else {
    searchRoutes(app, { store, onQuery: metrics.observeQuery });
    tailRoute(app, live);
    // With a broker, others take events in too: what is to be seen is what has come to the store.
    if (queue !== 'spool') {
      const follower = followStore({ store, live, log, now });
      onOpen(async () => follower.close());
    }
  }
  operationsRoutes(app, runtime);
  deadRoutes(app, runtime);
  adminRoutes(app, config, reload);
  metricsRoute(app, metrics);
  openApiRoute(app, version);
  if (roles.includes('query')) {
    const notice = screens(app);
    if (notice !== undefined) log('warn', notice);
  }
  return app;
}

function withoutBase(url: string, base: string): string {
  if (base === '') return url;
  if (url === base) return '/';
  return url.startsWith(`${base}/`) ? url.slice(base.length) : url;
}
