/**
 * `GET /v1/tail`: live events as server-sent events.
 *
 *   event: event     data: the event
 *   event: dropped   data: {"dropped": n}: so many were left out since the start, because this client reads too slowly
 *   : heartbeat      every 15 seconds, so that proxies keep the line and a dead client is noticed
 */
import type { FastifyInstance } from 'fastify';
import { matchesSearch } from '../query/match.ts';
import { parseSearch } from '../query/search.ts';
import { HttpError } from './http-error.ts';
import type { LiveTail } from './live-tail.ts';
import { check, tailParameters } from './parameters.ts';

const HEARTBEAT_MS = 15_000;

export function tailRoute(app: FastifyInstance, live: LiveTail): void {
  const open = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of [...open]) end();
  });

  app.get('/v1/tail', (request, reply) => {
    const { q } = check(tailParameters, request.query);
    const search = parseSearch(q);
    const { raw } = reply;
    let dropped = 0;
    const subscription = live.subscribe((event) => matchesSearch(search, event), {
      event: (line) => raw.write(`event: event\ndata: ${line}\n\n`),
      dropped: (count) => {
        dropped += count;
        return raw.write(`event: dropped\ndata: {"dropped":${dropped}}\n\n`);
      },
    });
    if (subscription === undefined) {
      throw new HttpError(503, 'TOO_MANY_TAILS', 'too many live tails are open', { retryAfterSeconds: 10 });
    }
    reply.hijack();
    raw.writeHead(200, {
      ...Object.fromEntries(
        Object.entries(reply.getHeaders()).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    raw.write(': tail\n\n');
    const heartbeat = setInterval(() => raw.write(': heartbeat\n\n'), HEARTBEAT_MS);
    const end = (): void => {
      open.delete(end);
      clearInterval(heartbeat);
      subscription.close();
      raw.end();
    };
    open.add(end);
    raw.on('drain', () => subscription.resume());
    raw.on('close', end);
    raw.on('error', end);
  });
}
