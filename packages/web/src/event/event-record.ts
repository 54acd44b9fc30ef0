/** What the screen reads off an event. An event is what a server sent: every key may be missing or of another type. */
import { isRecord } from '../api/api-error.ts';
import type { EventRecord } from '../api/types.ts';

export type Outcome = 'normal' | 'slow' | 'error';

export function textOf(event: EventRecord, key: string): string | undefined {
  const value = event[key];
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

export function numberOf(event: EventRecord, key: string): number | undefined {
  const value = event[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function idOf(event: EventRecord): string {
  return textOf(event, 'event_id') ?? '';
}

export function timeOf(event: EventRecord): number | undefined {
  const ms = Date.parse(textOf(event, 'timestamp') ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** The same three outcomes, by the same signs, as the server's histogram. */
export function outcomeOf(event: EventRecord): Outcome {
  const level = textOf(event, 'level');
  const rule = textOf(event, 'sampling.rule');
  if (level === 'error' || level === 'fatal' || rule === 'HAS_ERROR') return 'error';
  return rule === 'SLOW_REQUEST' ? 'slow' : 'normal';
}

/** What a row says of the event in its last column: the error first, then the message. */
export function headlineOf(event: EventRecord): string {
  const code = textOf(event, 'error.code');
  const message = textOf(event, 'error.message') ?? textOf(event, 'message') ?? textOf(event, 'topic');
  return [code, message].filter((part) => part !== undefined && part !== '').join(' · ');
}

export function routeOf(event: EventRecord): string | undefined {
  const route = textOf(event, 'route');
  if (route === undefined) return undefined;
  const method = textOf(event, 'method');
  return method === undefined ? route : `${method} ${route}`;
}

export interface Step {
  readonly name: string;
  readonly service: string | undefined;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly code: string | undefined;
  /** Where the step begins, in milliseconds after the first: steps run one after the other. */
  readonly startMs: number;
}

/** The steps of an event; a store may hand them over as JSON text. */
export function stepsOf(event: EventRecord): Step[] {
  const steps: Step[] = [];
  let startMs = 0;
  for (const item of listOf(event.steps)) {
    if (!isRecord(item)) continue;
    const durationMs = numberOf(item, 'duration_ms') ?? 0;
    steps.push({
      name: textOf(item, 'name') ?? '?',
      service: textOf(item, 'service'),
      durationMs,
      failed: item.outcome === 'error',
      code: textOf(item, 'code'),
      startMs,
    });
    startMs += durationMs;
  }
  return steps;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return [];
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

export type FieldGroup = 'request' | 'identity' | 'user' | 'error' | 'sampling' | 'attributes';

const GROUP_OF: Readonly<Record<string, FieldGroup>> = {
  route: 'request',
  method: 'request',
  status: 'request',
  duration_ms: 'request',
  request_id: 'request',
  trace_id: 'request',
  span_id: 'request',
  parent_span_id: 'request',
  schema: 'identity',
  event_id: 'identity',
  timestamp: 'identity',
  level: 'identity',
  message: 'identity',
  topic: 'identity',
  service: 'identity',
  version: 'identity',
  environment: 'identity',
  host: 'identity',
};

/** Fields that the drawer tells in its own way, and not in the table again. */
const TOLD_ELSEWHERE = new Set(['steps', 'error.stack']);

/** The event's fields by group, in the order of the event schema; attributes by name. */
export function fieldGroups(event: EventRecord): { group: FieldGroup; fields: [string, unknown][] }[] {
  const groups = new Map<FieldGroup, [string, unknown][]>(
    (['request', 'user', 'error', 'attributes', 'sampling', 'identity'] as const).map((group) => [group, []]),
  );
  const order = Object.keys(GROUP_OF);
  const rank = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
  for (const entry of Object.entries(event).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))) {
    const [key, value] = entry;
    if (TOLD_ELSEWHERE.has(key) || value === null || value === undefined) continue;
    groups.get(groupOf(key))?.push(entry);
  }
  return [...groups].filter(([, fields]) => fields.length > 0).map(([group, fields]) => ({ group, fields }));
}

function groupOf(key: string): FieldGroup {
  const known = Object.hasOwn(GROUP_OF, key) ? GROUP_OF[key] : undefined;
  if (known !== undefined) return known;
  const prefix = key.split('.')[0];
  return prefix === 'user' || prefix === 'error' || prefix === 'sampling' ? prefix : 'attributes';
}

/** How a value stands in a table: text as it is, all else as JSON. */
export function displayValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value that a `field:value` filter can hold. */
export function filterValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' || value.length > 500 ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
