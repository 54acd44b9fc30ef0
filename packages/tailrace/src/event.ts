/**
 * The event: one flat JSON object that tells one unit of work, or one log line.
 *
 * This file holds the words that every other module shares: the names of the keys, the levels, and the identity of an
 * event. It imports nothing.
 */

/** The value of `schema` on every event that this version writes. */
export const EVENT_SCHEMA = 'tailrace/event/v1';

/** Severity, lowest first. */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

export type JsonScalar = string | number | boolean | null;
export type JsonValue = JsonScalar | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * An event as it is stored: flat, dotted keys, JSON values. Only the keys of the table in ARCHITECTURE.md ("The event")
 * have a fixed type; every other key is an attribute.
 */
export interface TailraceEvent {
  readonly schema: typeof EVENT_SCHEMA;
  /** Producer id, a dash, and the sequence number: `0mb1x9k3fqz7a-42`. */
  readonly event_id: string;
  /** RFC 3339, UTC, milliseconds: `2026-11-21T09:32:00.000Z`. */
  readonly timestamp: string;
  readonly level: Level;
  readonly message?: string;
  readonly topic?: string;
  readonly service: string;
  readonly version?: string;
  readonly environment?: string;
  readonly host?: string;
  /** The route's template, never the raw path: `/payments/:id`. */
  readonly route?: string;
  readonly method?: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly request_id?: string;
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly parent_span_id?: string;
  readonly 'user.id'?: string;
  readonly 'user.role'?: string;
  readonly 'error.code'?: string;
  readonly 'error.type'?: string;
  readonly 'error.message'?: string;
  readonly 'error.stack'?: string;
  readonly steps?: readonly StepRecord[];
  /** The rule of the policy that kept this event: `HAS_ERROR`, `SAMPLED_NORMAL`, … */
  readonly 'sampling.rule': string;
  /** The probability with which an event like this one is kept, in (0, 1]; its weight is 1 / rate. */
  readonly 'sampling.rate': number;
  readonly [attribute: string]: unknown;
}

/** One timed step of a unit of work. */
export interface StepRecord {
  readonly name: string;
  readonly service?: string;
  readonly duration_ms: number;
  readonly outcome: 'ok' | 'error';
  /** The error's stable code, where the step failed and the error had one. */
  readonly code?: string;
}

/**
 * The columns that every store has, with their types, in the order of the table in ARCHITECTURE.md. Everything else is
 * an attribute.
 */
export const EVENT_FIELDS = {
  schema: 'string',
  event_id: 'string',
  timestamp: 'timestamp',
  level: 'string',
  message: 'string',
  topic: 'string',
  service: 'string',
  version: 'string',
  environment: 'string',
  host: 'string',
  route: 'string',
  method: 'string',
  status: 'integer',
  duration_ms: 'number',
  request_id: 'string',
  trace_id: 'string',
  span_id: 'string',
  parent_span_id: 'string',
  'user.id': 'string',
  'user.role': 'string',
  'error.code': 'string',
  'error.type': 'string',
  'error.message': 'string',
  'error.stack': 'string',
  steps: 'json',
  'sampling.rule': 'string',
  'sampling.rate': 'number',
} as const satisfies Record<string, FieldType>;

export type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'timestamp' | 'json';
export type EventField = keyof typeof EVENT_FIELDS;

/** A producer is one boot of one process: 13 characters of Crockford base 32 in lower case, sorted by start time. */
export type ProducerId = string;

const PRODUCER_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const EVENT_ID = /^([0-9a-z]{8,32})-([1-9][0-9]{0,14})$/;

/** A new producer id: 8 characters of time (milliseconds) and 5 of randomness (25 bits). */
export function createProducerId(nowMs: number, random: () => number): ProducerId {
  let time = '';
  for (let rest = nowMs, i = 0; i < 8; i += 1, rest = Math.floor(rest / 32)) time = PRODUCER_ALPHABET[rest % 32] + time;
  let noise = '';
  for (let i = 0; i < 5; i += 1) noise += PRODUCER_ALPHABET[Math.floor(random() * 32)];
  return time + noise;
}

export function formatEventId(producer: ProducerId, sequence: number): string {
  return `${producer}-${sequence}`;
}

/** Splits an event id; `undefined` where it isn't `<producer>-<sequence>`, with a sequence from 1 up. */
export function parseEventId(id: string): { readonly producer: ProducerId; readonly sequence: number } | undefined {
  const match = EVENT_ID.exec(id);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { producer: match[1], sequence: Number(match[2]) };
}
