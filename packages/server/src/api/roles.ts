/** Routes of roles that this process doesn't have: an answer that says who has it, in place of a bare 404. */
import type { FastifyInstance } from 'fastify';
import type { Access } from '../access/keys.ts';
import type { Role } from '../settings.ts';
import { HttpError } from './http-error.ts';

const ROUTES: Readonly<Record<Role, readonly (readonly ['GET' | 'POST', string, Access])[]>> = {
  ingest: [['POST', '/v1/events', 'ingest']],
  write: [],
  query: [
    ['GET', '/v1/events', 'read'],
    ['GET', '/v1/events/:id', 'read'],
    ['POST', '/v1/query', 'read'],
    ['GET', '/v1/fields', 'read'],
    ['GET', '/v1/facets', 'read'],
    ['GET', '/v1/histogram', 'read'],
    ['GET', '/v1/tail', 'read'],
  ],
};

export function absentRoutes(app: FastifyInstance, absent: Role, roles: readonly Role[]): void {
  for (const [method, url, access] of ROUTES[absent]) {
    app.route({
      method,
      url,
      config: { access },
      handler: () => {
        throw roleAbsent(`${method} ${url}`, absent, roles);
      },
    });
  }
}

export function roleAbsent(what: string, needed: string, roles: readonly Role[]): HttpError {
  return new HttpError(
    404,
    'ROLE_ABSENT',
    `this process has the role ${roles.join(' and ')}; ${what} is answered by one with the role ${needed}`,
    { details: { roles, needed } },
  );
}
