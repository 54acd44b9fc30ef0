import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tailrace } from '../tailrace.ts';
import { openRequestScope, requestScopeOf } from './request-scope.ts';

export interface HttpOptions {
  /** The template of a request's route, such as `/payments/:id`. Without it, events carry only `url.path`. */
  readonly route?: (request: IncomingMessage) => string | undefined;
}

export type HttpHandler<Req extends IncomingMessage, Res extends ServerResponse> = (
  request: Req,
  response: Res,
) => unknown;

/**
 * Wraps a handler of `node:http`, so that each request is one scope, and ends as one event when its response has ended.
 *
 * @example
 * ```ts
 * createServer(wrapHandler(tailrace, async (request, response) => {
 *   tailrace.set({ 'user.id': 'u1' });
 *   response.end('hello');
 * }));
 * ```
 */
export function wrapHandler<Req extends IncomingMessage, Res extends ServerResponse>(
  tailrace: Tailrace,
  handler: HttpHandler<Req, Res>,
  options: HttpOptions = {},
): (request: Req, response: Res) => void {
  return (request, response) => {
    if (requestScopeOf(request) !== undefined) return handler(request, response);
    const { route } = options;
    const { scope } = openRequestScope(tailrace, request, response, {
      routeAtEnd: route === undefined ? undefined : () => route(request),
    });
    const fail = (error: unknown): never => {
      if (!scope.isEnded) scope.error(error);
      throw error;
    };
    return scope.run(() => {
      try {
        const result = handler(request, response);
        // Thrown again: what Node does with it is not for us to decide.
        return result instanceof Promise ? result.catch(fail) : result;
      } catch (error) {
        return fail(error);
      }
    });
  };
}
