/** `POST /v1/events`: NDJSON or a JSON array, gzip or not. */
import type { FastifyInstance } from 'fastify';
import { type BodyLimits, BodyMemory, withBody } from './body.ts';
import { bodyItems, isJsonArray } from './body-lines.ts';
import type { Ingest } from './ingest.ts';

export interface HttpSourceLimits extends BodyLimits {
  readonly maxLineBytes: number;
}

/** @param limits - read anew for each body */
export function httpSource(app: FastifyInstance, limits: HttpSourceLimits, ingest: Ingest): void {
  const memory = new BodyMemory(() => limits.maxBodiesInMemoryBytes);
  app.register(async (scope) => {
    // The source reads the stream itself, since its bounds are its own.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    scope.post('/v1/events', { config: { access: 'ingest' } }, (request) =>
      withBody(request.raw, limits, memory, (body) => {
        const isArray = isJsonArray(request.headers['content-type'], body);
        return ingest.accept(bodyItems(body, isArray, limits.maxLineBytes), 'http');
      }),
    );
  });
}
