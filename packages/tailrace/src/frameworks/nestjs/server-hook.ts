import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { Tailrace } from '../../tailrace.ts';
import { pathOfRoute } from '../express.ts';
import { openRequestScope, requestScopeOf } from '../request-scope.ts';
import { routeOf } from './interceptor.ts';

/**
 * Opens the scope of a request before Nest sees it, so that a broken body, a guard's refusal, an unknown route and
 * whatever else never reaches an interceptor still ends as an event.
 *
 * The listeners of the HTTP server's `request` are wrapped, on every platform. Requests that come another way (Fastify's
 * `inject`, an adapter for serverless functions) are met by a hook or a middleware of the platform.
 */
export function hookServer(tailrace: Tailrace, adapter: AbstractHttpAdapter): void {
  const server: unknown = adapter.getHttpServer();
  if (isServer(server)) wrapListeners(tailrace, server);
  if (adapter.getType() === 'fastify') hookFastify(tailrace, adapter.getInstance());
  else
    adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
      enter(tailrace, request, response, next),
    );
}

const hooked = new WeakSet<Server>();

function wrapListeners(tailrace: Tailrace, server: Server): void {
  if (hooked.has(server)) return;
  hooked.add(server);
  for (const listener of server.rawListeners('request')) {
    server.removeListener('request', listener as (...values: unknown[]) => void);
    server.on('request', (request, response) => {
      enter(tailrace, request, response, () => Reflect.apply(listener, server, [request, response]));
    });
  }
}

function enter(tailrace: Tailrace, request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (requestScopeOf(request) !== undefined) {
    next();
    return;
  }
  const { scope } = openRequestScope(tailrace, request, response, {
    routeAtEnd: () => expressRouteOf(request),
  });
  scope.run(next);
}

/** Express sets the route on Node's own request. Nest's own catch-all for unknown paths is no route of the application. */
function expressRouteOf(request: IncomingMessage): string | undefined {
  const path = 'route' in request ? pathOfRoute(request.route) : undefined;
  return path?.startsWith('/') === true ? path : undefined;
}

interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse },
      done: () => void,
    ) => void,
  ): void;
}

function hookFastify(tailrace: Tailrace, instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    enter(tailrace, request.raw, reply.raw, () => {
      const requestScope = requestScopeOf(request.raw);
      if (requestScope !== undefined) requestScope.route ??= routeOf(request);
      done();
    });
  });
}

function isServer(value: unknown): value is Server {
  return typeof value === 'object' && value !== null && 'rawListeners' in value;
}
