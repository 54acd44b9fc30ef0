import { errorMonitor } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  StreamableFile,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Observable, tap } from 'rxjs';
import type { Scope } from '../../scope/scope.ts';
import type { Tailrace } from '../../tailrace.ts';
import { pathOfRoute } from '../express.ts';
import { requestScopeOf } from '../request-scope.ts';
import { allowedParts } from './allowed-parts.ts';
import { type HandlerRules, HandlerRulesReader } from './handler-rules.ts';
import { TAILRACE } from './tokens.ts';

/** Enriches a request's scope with what its handler's decorators ask for. It neither opens nor ends the scope. */
@Injectable()
export class TailraceInterceptor implements NestInterceptor {
  readonly #tailrace: Tailrace;
  readonly #rules: HandlerRulesReader;

  constructor(@Inject(TAILRACE) tailrace: Tailrace, @Inject(Reflector) reflector: Reflector) {
    this.#tailrace = tailrace;
    this.#rules = new HandlerRulesReader(reflector);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const request: unknown = context.switchToHttp().getRequest();
    const raw = rawRequestOf(request);
    const requestScope = raw === undefined ? undefined : requestScopeOf(raw);
    if (requestScope === undefined) return next.handle();
    const { scope } = requestScope;
    requestScope.route ??= routeOf(request);
    const rules = this.#rules.read(context);
    enrich(scope, rules, request);

    // A body parser or a guard may have lost the scope on its way here.
    const inScope = (): Observable<unknown> =>
      this.#tailrace.scope() === undefined
        ? new Observable((subscriber) => scope.run(() => next.handle().subscribe(subscriber)))
        : next.handle();
    const { responseMeta } = rules;
    return inScope().pipe(
      tap((body) => {
        if (body instanceof StreamableFile) watchSource(body, scope);
        if (responseMeta.length > 0 && !scope.isEnded) scope.set(allowedParts(body, responseMeta, 'response'));
      }),
    );
  }
}

/** Nest answers an error in the middle of a stream by breaking off, and tells nobody why. */
function watchSource(body: StreamableFile, scope: Scope): void {
  body.getStream().once(errorMonitor, (error: unknown) => {
    // Where the client left first, the scope has ended, and the source is only told to stop.
    if (!scope.isEnded && !isPrematureClose(error)) scope.error(error);
  });
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function enrich(scope: Scope, rules: HandlerRules, request: unknown): void {
  const { service, user, requestMeta, redact, rate } = rules;
  if (service !== undefined) scope.set({ service });
  if (rate !== undefined) scope.hint(rate);
  if (redact.length > 0) scope.redact(redact);
  if (requestMeta.length > 0) scope.set(allowedParts(request, requestMeta, 'request'));
  if (user === undefined) return;
  try {
    const found = user(request);
    if (found !== undefined) scope.set({ 'user.id': found.id, 'user.role': found.role });
  } catch {
    // A selector that fails finds nobody; the request is not to suffer for it.
  }
}

/** Node's own request below the platform's. */
export function rawRequestOf(request: unknown): IncomingMessage | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const raw: unknown = 'raw' in request ? request.raw : request;
  // What has headers and a method is a request; nobody else asks.
  return typeof raw === 'object' && raw !== null && 'headers' in raw ? (raw as IncomingMessage) : undefined;
}

/** The template of the route that a platform matched. */
export function routeOf(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  if ('routeOptions' in request) {
    const { routeOptions } = request;
    if (typeof routeOptions !== 'object' || routeOptions === null || !('url' in routeOptions)) return undefined;
    return typeof routeOptions.url === 'string' ? routeOptions.url : undefined;
  }
  return 'route' in request ? pathOfRoute(request.route) : undefined;
}
