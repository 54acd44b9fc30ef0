/** `POST /v1/events`: NDJSON or a JSON array, gzip or not. */
import type { FastifyInstance } from 'fastify';
import { type BodyLimits, BodyMemory, withBody } from './body.ts';
import { bodyItems, isJsonArray } from './body-lines.ts';
import type { Ingest } from './ingest.ts';

export interface HttpSourceOptions extends BodyLimits {
  readonly maxLineBytes: number;
  readonly ingest: Ingest;
}

export function httpSource(app: FastifyInstance, options: HttpSourceOptions): void {
  const memory = new BodyMemory(options.maxBodiesInMemoryBytes);
  app.register(async (scope) => {
    // The source reads the stream itself, since its bounds are its own.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    scope.post('/v1/events', { config: { access: 'ingest' } }, (request) =>
      withBody(request.raw, options, memory, (body) => {
        const isArray = isJsonArray(request.headers['content-type'], body);
        return options.ingest.accept(bodyItems(body, isArray, options.maxLineBytes), 'http');
      }),
    );
  });
}
