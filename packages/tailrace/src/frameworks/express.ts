import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tailrace } from '../tailrace.ts';
import { openRequestScope, requestScopeOf } from './request-scope.ts';

/** What of an Express request is used; Express itself is not needed for the types. */
export type ExpressRequest = IncomingMessage & {
  readonly baseUrl?: string;
  readonly route?: unknown;
};

export type ExpressNext = (error?: unknown) => void;

/**
 * Express middleware: each request is one scope. Put it before everything else, and
 * {@link expressErrorHandler} after the routes.
 *
 * @example
 * ```ts
 * app.use(expressMiddleware(tailrace));
 * app.get('/payments/:id', showPayment);
 * app.use(expressErrorHandler());
 * ```
 */
export function expressMiddleware(
  tailrace: Tailrace,
): (request: ExpressRequest, response: ServerResponse, next: ExpressNext) => void {
  return (request, response, next) => {
    if (requestScopeOf(request) !== undefined) {
      next();
      return;
    }
    const routeAtEnd = watchRoute(request);
    openRequestScope(tailrace, request, response, { routeAtEnd }).scope.run(() => next());
  };
}

/** Records the errors that routes hand on or throw, and hands them on to the next error handler. */
export function expressErrorHandler(): (
  error: unknown,
  request: ExpressRequest,
  response: ServerResponse,
  next: ExpressNext,
) => void {
  return (error, request, _response, next) => {
    const requestScope = requestScopeOf(request);
    if (requestScope !== undefined && !requestScope.scope.isEnded) {
      if (isClientError(error)) requestScope.scope.refuse(error);
      else requestScope.fail(error);
    }
    next(error);
  };
}

/** An error of the kind that `http-errors` makes, for a request that was at fault. */
function isClientError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const status = Number('status' in error ? error.status : 'statusCode' in error ? error.statusCode : Number.NaN);
  return status >= 400 && status < 500;
}

/**
 * Express knows the template of a route, and of the path it is mounted at only the text that matched; and it forgets
 * where a router was mounted when an error leaves it. So the mount is read when the route is set.
 */
function watchRoute(request: ExpressRequest): () => string | undefined {
  let route: unknown;
  let mount = '';
  Object.defineProperty(request, 'route', {
    configurable: true,
    enumerable: true,
    get: () => route,
    set: (value: unknown) => {
      route = value;
      mount = request.baseUrl ?? '';
    },
  });
  return () => {
    const path = pathOfRoute(route);
    return path === undefined ? undefined : templateOfMount(mount) + (path === '/' && mount !== '' ? '' : path);
  };
}

/** The path that a route was declared with. */
export function pathOfRoute(route: unknown): string | undefined {
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined;
  const path: unknown = Array.isArray(route.path) ? route.path[0] : route.path;
  if (typeof path === 'string') return path;
  return path instanceof RegExp ? String(path) : undefined;
}

const IDENTIFIER = /^(?:\d+|[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}|.*\d.*\d.*\d.*)$/i;

/** A mount is known as text only: what looks like an identifier in it stands for a parameter. */
function templateOfMount(mount: string): string {
  return mount
    .split('/')
    .map((segment) => (IDENTIFIER.test(segment) ? ':id' : segment))
    .join('/');
}
