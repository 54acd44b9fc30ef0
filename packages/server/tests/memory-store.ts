/** A store for tests of what stands around it: keeps what was committed on a `disk` that outlives it. */
import type { Answer } from '../src/query/answer.ts';
import { matchesSearch } from '../src/query/match.ts';
import type { Plan } from '../src/query/plan.ts';
import { parseSearch } from '../src/query/search.ts';
import { resolveRange } from '../src/query/time.ts';
import type { Checkpoint, EventKey, QueryOptions, Store, StoredLine } from '../src/store/store.ts';

export interface MemoryDisk {
  lines: StoredLine[];
  checkpoint: Checkpoint | undefined;
  /** Faults to show: each `insert` or `commit` throws the next one. */
  readonly insertFaults: Error[];
  readonly commitFaults: Error[];
}

export function memoryDisk(): MemoryDisk {
  return { lines: [], checkpoint: undefined, insertFaults: [], commitFaults: [] };
}

export function openMemoryStore(disk: MemoryDisk): Store {
  let hot: StoredLine[] = [];
  const all = (): Record<string, unknown>[] =>
    [...disk.lines, ...hot].map(({ line }) => JSON.parse(line) as Record<string, unknown>);
  return {
    get checkpoint() {
      return disk.checkpoint;
    },
    async insert(lines) {
      const fault = disk.insertFaults.shift();
      if (fault !== undefined) throw fault;
      hot.push(...lines);
    },
    async commit(checkpoint) {
      const taken = hot;
      const fault = disk.commitFaults.shift();
      if (fault !== undefined) throw fault;
      hot = [];
      disk.lines = [...disk.lines, ...taken];
      disk.checkpoint = JSON.parse(JSON.stringify(checkpoint)) as Checkpoint;
    },
    query: async (plan, _signal, options) => answerWith(all(), plan, options),
    event: async (id) => all().find((event) => event.event_id === id),
    fields: async () => [{ name: 'service', type: 'string', presence: 1 }],
    stats: () => ({
      events: disk.lines.length + hot.length,
      segments: 0,
      bytes: 0,
      hotEvents: hot.length,
      quarantined: [],
      retired: { events: 0, bytes: 0 },
    }),
    close: async () => {},
  };
}

function answerWith(events: readonly Record<string, unknown>[], plan: Plan, options: QueryOptions = {}): Answer {
  const search = parseSearch(plan.where);
  const range = resolveRange(plan, Date.now());
  const found = events
    .filter((event) => {
      const at = Date.parse(String(event.timestamp));
      return at >= range.fromMs && at < range.toMs && matchesSearch(search, event);
    })
    .sort(newestFirst)
    .filter((event) => options.after === undefined || isAfter(event, options.after));
  return {
    columns: [],
    rows: found.slice(0, plan.limit),
    meta: {
      accuracy: 'exact',
      limited: found.length > plan.limit,
      from: new Date(range.fromMs).toISOString(),
      to: new Date(range.toMs).toISOString(),
      scanned: { segments: 0, hotEvents: events.length },
      elapsedMs: 0,
      warnings: [],
    },
  };
}

function keyOf(event: Readonly<Record<string, unknown>>): string {
  return `${String(event.timestamp)} ${String(event.event_id)}`;
}

function newestFirst(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): number {
  return keyOf(a) < keyOf(b) ? 1 : -1;
}

function isAfter(event: Readonly<Record<string, unknown>>, key: EventKey): boolean {
  return keyOf(event) < `${key.timestamp} ${key.eventId}`;
}
