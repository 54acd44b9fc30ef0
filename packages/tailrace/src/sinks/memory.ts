import type { SinkSpec } from '../delivery/types.ts';

/** Keeps events in memory, on the main thread: for tests. */
export type MemorySink = SinkSpec & {
  /** What was delivered so far, parsed, in the order of arrival. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** Forgets what was delivered. */
  clear(): void;
};

/**
 * Collects events for tests.
 *
 * @param options.maxEvents - the oldest go beyond this many. @defaultValue 10000
 * @example
 * ```ts
 * const sink = memorySink();
 * const tailrace = createTailrace({ routes: [{ name: 'memory', sinks: [sink] }] });
 * // …
 * await tailrace.flush(1000);
 * expect(sink.events).toHaveLength(1);
 * ```
 */
export function memorySink(options: { readonly name?: string; readonly maxEvents?: number } = {}): MemorySink {
  const name = options.name ?? 'memory';
  const maxEvents = options.maxEvents ?? 10_000;
  const events: Readonly<Record<string, unknown>>[] = [];
  return {
    kind: 'main',
    name,
    events,
    clear: () => {
      events.length = 0;
    },
    sink: {
      name,
      send(batch) {
        for (const line of batch.lines) events.push(JSON.parse(line.toString()));
        events.splice(0, Math.max(0, events.length - maxEvents));
        return Promise.resolve({ kind: 'delivered' });
      },
    },
  };
}
