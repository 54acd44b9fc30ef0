/** Every failure → `{ error: { code, message, … } }` with the right status. Nothing of the server's inside gets out. */
import type { FastifyInstance } from 'fastify';
import { QueryError } from '../query/query-error.ts';
import { QueueFullError } from '../queue/queue.ts';
import { HttpError } from './http-error.ts';

type Log = (level: 'info' | 'warn' | 'error', message: string) => void;

export function answerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error, request, reply) => {
    const known = toHttpError(error);
    if (known === undefined) {
      log(
        'error',
        `${request.method} ${request.routeOptions.url ?? ''}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
    const answer = known ?? new HttpError(500, 'INTERNAL', 'the server failed; its log says why');
    if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', String(answer.retryAfterSeconds));
    // A body that wasn't read to its end would be taken for the next request.
    if (!request.raw.readableEnded) reply.header('connection', 'close');
    reply.code(answer.statusCode).send({ error: { code: answer.code, message: answer.message, ...answer.details } });
  });
  app.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ error: { code: 'NOT_FOUND', message: 'there is nothing here; see /v1/openapi.json' } });
  });
}

function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof QueueFullError) {
    return new HttpError(503, error.code, error.message, { retryAfterSeconds: 2 });
  }
  if (error instanceof QueryError) return fromQueryError(error);
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined;
  if (error.statusCode >= 500) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code.replace(/^FST_ERR_/, '') : 'BAD_REQUEST';
  return new HttpError(error.statusCode, code, error.message);
}

function fromQueryError(error: QueryError): HttpError {
  const details = {
    ...(error.position === undefined ? {} : { position: error.position }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  switch (error.code) {
    case 'TOO_MANY_QUERIES':
      return new HttpError(503, error.code, error.message, { details, retryAfterSeconds: 1 });
    case 'QUERY_TIMEOUT':
      return new HttpError(504, error.code, error.message, { details });
    case 'QUERY_CANCELLED':
      return new HttpError(499, error.code, error.message, { details });
    default:
      return new HttpError(400, error.code, error.message, { details });
  }
}
