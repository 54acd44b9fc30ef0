import { isDeepStrictEqual } from 'node:util';
import { assembleTailrace } from '../assemble.ts';
import { resolveOptions } from '../configuration/resolve-options.ts';
import { createProducerId, type TailraceEvent } from '../event.ts';
import { Ledger } from '../ledger/index.ts';
import { Notices } from '../metrics/notices.ts';
import type { Notice, TailraceOptions } from '../options.ts';
import type { Tailrace } from '../tailrace.ts';
import { createCollectingSpool } from './collecting-spool.ts';

/** What an event must have: each field equal to the value, matching the expression, or passing the function. */
export type EventPattern = Readonly<Record<string, unknown>>;

/** A Tailrace whose events can be looked at as soon as they are written. Nothing touches the disk or the network. */
export interface CollectedEvents {
  readonly tailrace: Tailrace;
  /** The events so far, as they would have been stored: flat, redacted, with rule and rate. */
  readonly events: readonly TailraceEvent[];
  /** The same as the lines that would have been written. */
  readonly lines: readonly string[];
  /** What an operator would have been told. */
  readonly notices: readonly Notice[];
  /** The events that match. */
  find(pattern: EventPattern): TailraceEvent[];
  /**
   * The one event that matches.
   *
   * @throws Error where there is none or more than one; it shows the events that there are.
   */
  expectOne(pattern: EventPattern): TailraceEvent;
  /** Resolves with the first event that matches, also one that is there already. @param timeoutMs - @defaultValue 5000 */
  waitFor(pattern: EventPattern, timeoutMs?: number): Promise<TailraceEvent>;
  /** An event without what differs from run to run: ids, times, host. For snapshots. */
  snapshot(event: TailraceEvent): Record<string, unknown>;
  clear(): void;
}

/**
 * Collects events for a test. Everything is kept, unless the options say otherwise.
 *
 * @example
 * ```ts
 * const collected = collectEvents({ service: 'shop' });
 * await pay(collected.tailrace, { amount: 12 });
 * collected.expectOne({ route: '/payments', status: 200, 'payment.amount': 12 });
 * ```
 */
export function collectEvents(options: TailraceOptions = {}): CollectedEvents {
  const notices: Notice[] = [];
  const waiting = new Set<(event: TailraceEvent) => void>();
  const resolved = resolveOptions(
    { service: 'test', handleExit: false, ...options, sampling: { normalRate: 1, ...options.sampling } },
    {},
    process.cwd(),
  );
  const startedMs = Date.now();
  const producer = createProducerId(startedMs, Math.random);
  const spool = createCollectingSpool((event) => {
    for (const tell of waiting) tell(event);
  });
  const tailrace = assembleTailrace({
    options: resolved,
    producer,
    ledger: new Ledger({ producer, service: resolved.service, host: 'test', pid: process.pid, startedMs }),
    notices: new Notices((notice) => {
      notices.push(notice);
      options.onNotice?.(notice);
    }),
    spool,
    isSpoolInMemory: true,
    startDelivery: () => ({
      wake: () => {},
      alert: () => {},
      flush: async () => true,
      close: async () => {},
      stats: async () => [],
    }),
  });
  const find = (pattern: EventPattern): TailraceEvent[] => spool.events.filter((event) => matches(event, pattern));

  return {
    tailrace,
    events: spool.events,
    lines: spool.lines,
    notices,
    find,
    expectOne(pattern) {
      const found = find(pattern);
      const [first] = found;
      if (first !== undefined && found.length === 1) return first;
      const shown = spool.events.map((event) => `  ${JSON.stringify(event)}`).join('\n');
      throw new Error(`expected one event like ${describePattern(pattern)}, found ${found.length} among:\n${shown}`);
    },
    waitFor(pattern, timeoutMs = 5_000) {
      return new Promise((resolve, reject) => {
        const [there] = find(pattern);
        if (there !== undefined) {
          resolve(there);
          return;
        }
        const tell = (event: TailraceEvent): void => {
          if (!matches(event, pattern)) return;
          clearTimeout(timer);
          waiting.delete(tell);
          resolve(event);
        };
        const timer = setTimeout(() => {
          waiting.delete(tell);
          reject(new Error(`no event like ${describePattern(pattern)} within ${timeoutMs} ms`));
        }, timeoutMs);
        waiting.add(tell);
      });
    },
    snapshot: withoutRunningParts,
    clear() {
      spool.events.length = 0;
      spool.lines.length = 0;
      spool.urgent.length = 0;
    },
  };
}

function matches(event: TailraceEvent, pattern: EventPattern): boolean {
  return Object.entries(pattern).every(([key, expected]) => {
    const actual = event[key];
    if (expected instanceof RegExp) return typeof actual === 'string' && expected.test(actual);
    if (typeof expected === 'function') return Reflect.apply(expected, undefined, [actual]) === true;
    return isDeepStrictEqual(actual, expected);
  });
}

function describePattern(pattern: EventPattern): string {
  return JSON.stringify(pattern, (_key, value: unknown) =>
    value instanceof RegExp || typeof value === 'function' ? String(value) : value,
  );
}

const RUNNING_PARTS = new Set([
  'event_id',
  'timestamp',
  'host',
  'version',
  'duration_ms',
  'request_id',
  'trace_id',
  'span_id',
  'parent_span_id',
  'error.stack',
]);

function withoutRunningParts(event: TailraceEvent): Record<string, unknown> {
  const still = Object.entries(event).filter(([key]) => !RUNNING_PARTS.has(key));
  return Object.fromEntries(
    still.map(([key, value]) => {
      if (key !== 'steps' || !Array.isArray(value)) return [key, value];
      return [key, value.map(({ duration_ms: _duration, ...step }: Record<string, unknown>) => step)];
    }),
  );
}
