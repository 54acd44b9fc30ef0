/** The checks that every request passes before its route sees it: host, origin, keys. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpError } from '../api/http-error.ts';
import { hostName, isLoopback, originName } from './hosts.ts';
import { type Access, createKeyCheck, type Keys } from './keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route needs. @defaultValue `read` */
    access?: Access;
  }
}

export interface AccessOptions extends Keys {
  /** The address that the server listens on. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
}

export function guard(app: FastifyInstance, options: AccessOptions): void {
  const keys = createKeyCheck(options);
  const isLocal = isLoopback(options.host);
  const isAllowedHost = (name: string | undefined): boolean =>
    name !== undefined && (isLoopback(name) || options.allowedHosts.includes(name));

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('cross-origin-resource-policy', 'same-origin');
    if (isLocal) checkLocal(request, isAllowedHost);
    else checkOrigin(request);
    if (keys.isKeyInUrl(request.query as Record<string, unknown>)) {
      throw new HttpError(400, 'KEY_IN_URL', 'a key must not stand in the URL: send it as Authorization: Bearer …');
    }
    const access = request.routeOptions.config.access ?? (request.is404 ? 'open' : 'read');
    const verdict = keys.check(access, request.headers.authorization);
    if (verdict === 'allowed') return;
    reply.header('www-authenticate', 'Bearer realm="tailrace"');
    if (verdict === 'missing')
      throw new HttpError(401, 'KEY_MISSING', `this needs the ${access} key, as Authorization: Bearer …`);
    throw new HttpError(401, 'KEY_WRONG', `this is not the ${access} key`);
  });
}

function checkLocal(request: FastifyRequest, isAllowedHost: (name: string | undefined) => boolean): void {
  if (!isAllowedHost(hostName(request.headers.host))) {
    throw new HttpError(
      403,
      'HOST_NOT_ALLOWED',
      'this server answers to localhost only; name other hosts in TAILRACE_ALLOWED_HOSTS',
    );
  }
  const { origin } = request.headers;
  if (origin !== undefined && !isAllowedHost(originName(origin))) throw foreignOrigin();
}

function checkOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin !== undefined && originName(origin) !== hostName(host)) throw foreignOrigin();
}

function foreignOrigin(): HttpError {
  return new HttpError(403, 'ORIGIN_NOT_ALLOWED', 'pages of other origins may not use this server');
}
