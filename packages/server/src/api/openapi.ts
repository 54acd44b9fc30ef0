/** `GET /v1/openapi.json`: the API's description, made from the schemas that check the requests. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access/keys.ts';
import { letterJson } from '../dead/letter-json.ts';
import { planSchema } from '../query/plan.ts';
import { deadParameters, editBody, purgeBody, replayBody } from './dead-routes.ts';
import {
  eventParameters,
  eventsParameters,
  facetsParameters,
  histogramParameters,
  tailParameters,
} from './parameters.ts';

interface Operation {
  readonly method: 'get' | 'post' | 'put';
  readonly path: string;
  readonly summary: string;
  /** The key that it needs. */
  readonly access: Access;
  readonly parameters?: z.ZodObject | z.ZodType;
  readonly body?: z.ZodType;
  readonly answer?: z.ZodType;
  /** Content type of the answer. @defaultValue `application/json` */
  readonly answers?: string;
}

const letterAnswer = z.object({ letter: letterJson });

const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/events',
    summary: 'Takes events: NDJSON or a JSON array, gzip or not. Answers when they are on disk.',
    access: 'ingest',
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'Events, newest first, by page.',
    access: 'read',
    parameters: eventsParameters,
  },
  {
    method: 'get',
    path: '/v1/events/{id}',
    summary: 'One event, and those of its request and trace.',
    access: 'read',
    parameters: eventParameters,
  },
  { method: 'post', path: '/v1/query', summary: 'Runs a plan.', access: 'read', body: planSchema },
  {
    method: 'get',
    path: '/v1/facets',
    summary: 'Top values of fields, with counts.',
    access: 'read',
    parameters: facetsParameters,
  },
  { method: 'get', path: '/v1/fields', summary: 'The fields that events have.', access: 'read' },
  {
    method: 'get',
    path: '/v1/histogram',
    summary: 'Counts by time, split by kind.',
    access: 'read',
    parameters: histogramParameters,
  },
  {
    method: 'get',
    path: '/v1/tail',
    summary: 'Events as they arrive, as server-sent events `event` and `dropped`.',
    access: 'read',
    parameters: tailParameters,
    answers: 'text/event-stream',
  },
  { method: 'get', path: '/v1/ledger', summary: 'The account of each producer, and what is missing.', access: 'read' },
  {
    method: 'get',
    path: '/v1/dead',
    summary: 'Dead letters, newest first, by page; and how many there are of each cause.',
    access: 'read',
    parameters: deadParameters,
  },
  { method: 'get', path: '/v1/dead/{id}', summary: 'One dead letter.', access: 'read', answer: letterAnswer },
  {
    method: 'put',
    path: '/v1/dead/{id}',
    summary: 'Puts another event in the place of the one that was refused. It is checked as one that comes in.',
    access: 'admin',
    body: editBody,
    answer: letterAnswer,
  },
  {
    method: 'post',
    path: '/v1/dead/replay',
    summary: 'Offers dead letters again, or says what that would do.',
    access: 'admin',
    body: replayBody,
  },
  {
    method: 'post',
    path: '/v1/dead/purge',
    summary: 'Removes dead letters for good.',
    access: 'admin',
    body: purgeBody,
  },
  {
    method: 'post',
    path: '/v1/admin/reload',
    summary: 'Reads the configuration again. Answers which settings are in force now, and which need a restart.',
    access: 'admin',
  },
  { method: 'get', path: '/healthz', summary: 'The process lives; and how it is.', access: 'open' },
  { method: 'get', path: '/readyz', summary: '200 where events that come in reach the store.', access: 'open' },
  { method: 'get', path: '/metrics', summary: 'Numbers for Prometheus.', access: 'read', answers: 'text/plain' },
];

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        position: { type: 'integer', description: 'Character in the search string at which the fault is, from 0.' },
        hint: { type: 'string' },
      },
    },
  },
};

export function openApiRoute(app: FastifyInstance, version: string): void {
  const document = describeApi(version);
  app.get('/v1/openapi.json', { config: { access: 'open' } }, async () => document);
}

export function describeApi(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tailrace', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { Error: ERROR },
      securitySchemes: {
        ingest: { type: 'http', scheme: 'bearer', description: 'The ingest key, where one is set.' },
        read: { type: 'http', scheme: 'bearer', description: 'The read key, where one is set.' },
        admin: { type: 'http', scheme: 'bearer', description: 'The admin key, where one is set.' },
      },
    },
  };
}

function describe({
  method,
  path,
  summary,
  access,
  parameters,
  body,
  answer,
  answers = 'application/json',
}: Operation) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const requestBody = path === '/v1/events' && method === 'post' ? EVENTS_BODY : jsonBody(body);
  return {
    summary,
    security: access === 'open' ? [] : [{ [access]: [] }],
    ...(inPath.length + (parameters === undefined ? 0 : 1) === 0
      ? {}
      : { parameters: [...inPath, ...inQuery(parameters)] }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: {
      200: {
        description: 'Done.',
        content: { [answers]: answer === undefined ? {} : { schema: z.toJSONSchema(answer) } },
      },
      default: {
        description: 'Not done.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

const EVENTS_BODY = {
  required: true,
  content: {
    'application/x-ndjson': { schema: { type: 'string' } },
    'application/json': { schema: { type: 'array', items: { type: 'object' } } },
  },
};

function jsonBody(schema: z.ZodType | undefined) {
  if (schema === undefined) return undefined;
  return { content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } } };
}

function inQuery(parameters: z.ZodType | undefined) {
  if (parameters === undefined) return [];
  const { properties = {} } = z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}
