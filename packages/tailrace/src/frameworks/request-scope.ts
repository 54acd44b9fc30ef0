import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { KEPT_HEADER } from '../sampling/index.ts';
import type { Scope } from '../scope/scope.ts';
import type { Tailrace } from '../tailrace.ts';

/**
 * The scope of one HTTP request, for every framework: opened when the request's head has been read, ended when its
 * response has really ended.
 *
 * - The end is the response's own: `finish` when its last byte was handed to the system, so a stream counts to its end;
 *   `close` without `finish` when the connection went away before, which makes the event `aborted`.
 * - Events of the request and the response (`data`, `end`, `drain`, …) come from the socket, outside of every scope. They
 *   are emitted inside the request's scope, so that listeners find it.
 * - A keep decision goes back in the response's headers, to callers that sent a trace.
 */
export interface RequestScope {
  readonly scope: Scope;
  /** Tells the route's template, at the end at the latest. */
  route: string | undefined;
  /** Records an error of the application that ended the request. */
  fail(error: unknown): void;
}

export interface RequestScopeOptions {
  /** The route's template, where the framework knows it only at the end. */
  readonly routeAtEnd?: (() => string | undefined) | undefined;
}

const open = new WeakMap<IncomingMessage, RequestScope>();

/** The client went away before there was a status: nginx's number for it. */
const CLIENT_CLOSED_REQUEST = 499;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export function requestScopeOf(request: IncomingMessage): RequestScope | undefined {
  return open.get(request);
}

export function openRequestScope(
  tailrace: Tailrace,
  request: IncomingMessage,
  response: ServerResponse,
  options: RequestScopeOptions = {},
): RequestScope {
  const { headers } = request;
  const requestId = headers['x-request-id'];
  const hasRequestId = typeof requestId === 'string' && REQUEST_ID.test(requestId);
  const scope = tailrace.startScope({
    method: request.method,
    'url.path': pathOf(request),
    // An id that is made here is no reason to decide by it: the trace's bits are as good, and known to the callees.
    ...(hasRequestId ? { request_id: requestId } : {}),
    ...(headers.traceparent === undefined ? {} : { traceparent: headers.traceparent, tracestate: headers.tracestate }),
  });
  if (!hasRequestId) scope.set({ request_id: randomUUID() });

  const requestScope: RequestScope = { scope, route: undefined, fail: (error) => scope.error(error) };
  open.set(request, requestScope);

  emitInside(request, tailrace, scope);
  emitInside(response, tailrace, scope);
  if (headers.traceparent !== undefined) tellKeepDecision(response, scope);

  const end = (isAborted: boolean): void => {
    if (scope.isEnded) return;
    const route = requestScope.route ?? options.routeAtEnd?.();
    if (route !== undefined) scope.set({ route });
    const status = isAborted && !response.headersSent ? CLIENT_CLOSED_REQUEST : response.statusCode;
    scope.end(isAborted ? { status, aborted: true } : { status });
  };
  response.once('finish', () => end(false));
  response.once('close', () => end(!response.writableFinished));
  return requestScope;
}

function pathOf(request: IncomingMessage): string | undefined {
  const { url } = request;
  if (url === undefined) return undefined;
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

interface Emitting {
  emit(event: string | symbol, ...values: unknown[]): boolean;
}

function emitInside(emitter: Emitting, tailrace: Tailrace, scope: Scope): void {
  const { emit } = emitter;
  emitter.emit = (event, ...values) =>
    tailrace.scope() === undefined
      ? scope.run(() => emit.call(emitter, event, ...values))
      : emit.call(emitter, event, ...values);
}

function tellKeepDecision(response: ServerResponse, scope: Scope): void {
  const { writeHead } = response;
  const writeHeadAndTell = (...values: unknown[]): ServerResponse => {
    const [status] = values;
    scope.set({ status: typeof status === 'number' ? status : response.statusCode });
    const signal = scope.keepSignal();
    if (signal !== undefined && !response.headersSent) response.setHeader(KEPT_HEADER, signal);
    return Reflect.apply(writeHead, response, values);
  };
  response.writeHead = writeHeadAndTell;
}
