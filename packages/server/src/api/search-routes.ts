/** The reading side: events, one event with its neighbours, facets, fields, histogram, plans. */
import type { FastifyInstance } from 'fastify';
import type { Answer, AnswerMeta, Measure } from '../query/answer.ts';
import { type Plan, type PlanInput, planSchema } from '../query/plan.ts';
import type { EventKey, Store } from '../store/store.ts';
import { foldHistogram } from './histogram.ts';
import { HttpError } from './http-error.ts';
import {
  check,
  clientSignal,
  eventParameters,
  eventsParameters,
  facetsParameters,
  histogramParameters,
} from './parameters.ts';

const NEIGHBOUR_RANGE_MS = 15 * 60_000;

export interface SearchRoutesOptions {
  readonly store: Store;
  readonly onQuery: (kind: string, seconds: number, outcome: 'ok' | 'failed') => void;
}

export function searchRoutes(app: FastifyInstance, { store, onQuery }: SearchRoutesOptions): void {
  async function run(kind: string, plan: PlanInput, signal: AbortSignal, after?: EventKey): Promise<Answer> {
    const start = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const parsed: Plan = check(planSchema, plan, 'BAD_PLAN');
      const answer = await store.query(parsed, signal, after === undefined ? {} : { after });
      outcome = 'ok';
      return answer;
    } finally {
      onQuery(kind, (performance.now() - start) / 1000, outcome);
    }
  }

  app.get('/v1/events', async (request, reply) => {
    const { q, from, to, limit, cursor } = check(eventsParameters, request.query);
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const answer = await run('events', { where: q, from, to, limit }, clientSignal(reply), after);
    return {
      events: answer.rows,
      cursor: answer.meta.limited ? writeCursor(answer.rows.at(-1)) : null,
      meta: answer.meta,
    };
  });

  app.get<{ Params: { id: string } }>('/v1/events/:id', async (request, reply) => {
    const { neighbours } = check(eventParameters, request.query);
    const event = await store.event(request.params.id);
    if (event === undefined)
      throw new HttpError(404, 'EVENT_NOT_FOUND', `there is no event ${request.params.id.slice(0, 80)}`);
    const where = neighbourSearch(event);
    const atMs = Date.parse(String(event.timestamp));
    if (where === '' || Number.isNaN(atMs) || neighbours === 0) return { event, neighbours: [] };
    const range = {
      from: new Date(atMs - NEIGHBOUR_RANGE_MS).toISOString(),
      to: new Date(atMs + NEIGHBOUR_RANGE_MS).toISOString(),
    };
    // It is among those that are found itself.
    const answer = await run('event', { where, ...range, limit: neighbours + 1 }, clientSignal(reply));
    const others = answer.rows.filter((row) => row.event_id !== event.event_id);
    return {
      event,
      neighbours: others.slice(0, neighbours),
      limited: answer.meta.limited || others.length > neighbours,
    };
  });

  app.post('/v1/query', async (request, reply) =>
    run('plan', check(planSchema, request.body, 'BAD_PLAN'), clientSignal(reply)),
  );

  app.get('/v1/fields', async () => ({ fields: await store.fields() }));

  app.get('/v1/facets', async (request, reply) => {
    const { q, from, to, field, fields, limit } = check(facetsParameters, request.query);
    const signal = clientSignal(reply);
    const facets: { field: string; values: { value: unknown; count: Measure }[]; limited: boolean }[] = [];
    let meta: AnswerMeta | undefined;
    for (const name of field ?? fields ?? []) {
      const plan: PlanInput = {
        where: q,
        from,
        to,
        limit,
        groupBy: [name],
        aggregates: [{ fn: 'count' }],
        orderBy: [{ column: 'count', direction: 'desc' }],
      };
      const answer = await run('facets', plan, signal);
      const values = answer.rows
        .filter((row) => row[name] !== null && row[name] !== undefined)
        .map((row) => ({ value: row[name], count: row.count as Measure }));
      facets.push({ field: name, values, limited: answer.meta.limited });
      meta = meta === undefined ? answer.meta : joinMeta(meta, answer.meta);
    }
    return { facets, meta };
  });

  app.get('/v1/histogram', async (request, reply) => {
    const { q, from, to, bucket } = check(histogramParameters, request.query);
    const plan: PlanInput = {
      where: q,
      from,
      to,
      bucket,
      groupBy: ['level', 'sampling.rule'],
      aggregates: [{ fn: 'count' }],
      limit: 10_000,
    };
    return foldHistogram(await run('histogram', plan, clientSignal(reply)));
  });
}

function joinMeta(a: AnswerMeta, b: AnswerMeta): AnswerMeta {
  return {
    ...a,
    accuracy: a.accuracy === 'estimated' ? a.accuracy : b.accuracy,
    limited: a.limited || b.limited,
    elapsedMs: a.elapsedMs + b.elapsedMs,
    warnings: [...new Set([...a.warnings, ...b.warnings])],
  };
}

/** Events of the same trace or request. */
function neighbourSearch(event: Readonly<Record<string, unknown>>): string {
  return ['trace_id', 'request_id']
    .map((field) => [field, event[field]] as const)
    .filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string' && entry[1] !== '')
    .map(([field, value]) => `${field}:"${value.replaceAll(/["\\]/g, '\\$&')}"`)
    .join(' OR ');
}

function writeCursor(last: Readonly<Record<string, unknown>> | undefined): string | null {
  if (typeof last?.timestamp !== 'string' || typeof last.event_id !== 'string') return null;
  return Buffer.from(`${last.timestamp} ${last.event_id}`).toString('base64url');
}

function readCursor(cursor: string): EventKey {
  const [timestamp, eventId, more] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (timestamp === undefined || eventId === undefined || more !== undefined || Number.isNaN(Date.parse(timestamp))) {
    throw new HttpError(400, 'BAD_CURSOR', 'the cursor is not one that this server gave');
  }
  return { timestamp, eventId };
}
