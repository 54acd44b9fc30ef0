/** The screens: static files of `@tailrace/web`, with a policy under which no other code can run. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @returns what the operator should know, where the screens can't be shown. */
export function screens(app: FastifyInstance, root: string | undefined = findScreens()): string | undefined {
  const page = root === undefined ? undefined : join(root, 'index.html');
  if (root === undefined || page === undefined || !existsSync(page)) {
    const message = 'the screens are not built: run `npm run build -w @tailrace/web`';
    app.get('/', { config: { access: 'open' } }, async (_request, reply) => {
      reply.code(404);
      return { error: { code: 'SCREENS_NOT_BUILT', message: `${message}; the API is here all the same` } };
    });
    return message;
  }
  // Read anew each time: the names of the assets in it change with every build, also under a server that runs.
  let html = readFileSync(page);
  app.get('/', { config: { access: 'open' } }, async (_request, reply) => {
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
    reply.header('cross-origin-opener-policy', 'same-origin');
    reply.header('permissions-policy', 'camera=(), microphone=(), geolocation=()');
    reply.header('x-frame-options', 'DENY');
    reply.header('cache-control', 'no-cache');
    reply.type('text/html; charset=utf-8');
    html = await readFile(page).catch(() => html);
    return html;
  });
  app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'open' };
    });
    await scope.register(fastifyStatic, {
      root: join(root, 'assets'),
      prefix: '/assets/',
      index: false,
      decorateReply: false,
      // The names hold a hash of the content.
      immutable: true,
      maxAge: '365d',
    });
  }, {});
  return undefined;
}

function findScreens(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@tailrace/web/package.json')), 'dist');
  } catch {
    return undefined;
  }
}
