import { LEVELS, type Level } from '../event.ts';
import type { Subject } from './policy.ts';
import { randomnessOf } from './threshold.ts';

/** Stands in for the bits of an event that has no trace id: the first to be left out. */
const LOWEST = '0'.repeat(14);

const ERROR_KEYS = ['error', 'error.code', 'error.type', 'error.message'];

/** An event as the policy sees it, from its fields alone. */
export function subjectOfEvent(event: Readonly<Record<string, unknown>>, defaultService: string): Subject {
  const text = (key: string): string | undefined => (typeof event[key] === 'string' ? event[key] : undefined);
  const number = (key: string): number | undefined => (typeof event[key] === 'number' ? event[key] : undefined);
  const level: Level = LEVELS.find((known) => known === event.level) ?? 'info';
  const traceId = text('trace_id');
  const isScope = ['duration_ms', 'route', 'status', 'steps'].some((key) => event[key] !== undefined);
  return {
    kind: isScope ? 'scope' : traceId === undefined ? 'line' : 'line_in_scope',
    level,
    // A stored event says by its level whether it failed; a refused request carries `error.*` and is none.
    hasError: event.level === undefined && ERROR_KEYS.some((key) => event[key] !== undefined && event[key] !== null),
    service: text('service') ?? defaultService,
    topic: text('topic'),
    route: text('route'),
    method: text('method'),
    status: number('status'),
    durationMs: number('duration_ms'),
    randomness: traceId === undefined ? LOWEST : randomnessOf(traceId),
    rateHint: undefined,
    neighbour: undefined,
    fields: event,
  };
}
