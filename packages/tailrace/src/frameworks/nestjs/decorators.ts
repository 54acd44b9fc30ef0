import { SetMetadata } from '@nestjs/common';

/**
 * What a controller or a handler says about its events. A handler's own word stands before its controller's.
 */
export const METADATA = {
  service: 'tailrace:service',
  user: 'tailrace:user',
  requestMeta: 'tailrace:request-meta',
  responseMeta: 'tailrace:response-meta',
  redact: 'tailrace:redact',
  rate: 'tailrace:rate',
} as const;

type Decorator = ClassDecorator & MethodDecorator;

export interface LoggedUser {
  readonly id?: unknown;
  readonly role?: unknown;
}

/** Finds the user of a request. */
export type UserSelector = (request: unknown) => LoggedUser | undefined;

/** The service that the handler's events carry, outside of steps that name their own. */
export function Service(name: string): Decorator {
  return SetMetadata(METADATA.service, name);
}

/**
 * Adds `user.id` and `user.role`.
 *
 * @param select - finds the user. @defaultValue `request.user`, with its `id`, `sub` or `userId`, and its `role` or `roles`
 */
export function LogUser(select: UserSelector = userOfRequest): Decorator {
  return SetMetadata(METADATA.user, select);
}

/**
 * Adds parts of the request, and nothing but these, as `request.*`: depth 2, 200 characters, 10 items, 20 keys each.
 *
 * @param paths - dotted: `body.amount`, `params.id`, `query.page`, `headers.user-agent`.
 */
export function LogRequestMeta(...paths: readonly string[]): Decorator {
  return SetMetadata(METADATA.requestMeta, paths);
}

/**
 * Adds parts of what the handler returned, and nothing but these, as `response.*`, with the same bounds.
 *
 * @param paths - dotted: `id`, `status.code`.
 */
export function LogResponseMeta(...paths: readonly string[]): Decorator {
  return SetMetadata(METADATA.responseMeta, paths);
}

/** Takes fields out of the handler's events, beside what redaction finds: `user.email`, `request.body.card`. */
export function LogRedact(...keys: readonly string[]): Decorator {
  return SetMetadata(METADATA.redact, keys);
}

/** No event for this handler, for example a health check, unless a rule keeps it: it failed, or was slow. */
export function NoLog(): Decorator {
  return SetMetadata(METADATA.rate, 0);
}

/** The share of this handler's events to keep, unless a rule keeps them anyway. */
export function SamplingHint(rate: number): Decorator {
  return SetMetadata(METADATA.rate, rate);
}

function userOfRequest(request: unknown): LoggedUser | undefined {
  if (typeof request !== 'object' || request === null || !('user' in request)) return undefined;
  const { user } = request;
  if (typeof user !== 'object' || user === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...user };
  const role = fields.role ?? fields.roles;
  return { id: fields.id ?? fields.sub ?? fields.userId, role: Array.isArray(role) ? role.join(',') : role };
}
