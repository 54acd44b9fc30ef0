/** The server's own numbers, as Prometheus reads them. One registry for each server: two in one process don't mix. */
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServerRuntime } from '../compose/parts.ts';
import type { DeadLetterDesk } from '../dead/desk.ts';
import type { StageReport } from '../fallback/stage-report.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Queue } from '../queue/queue.ts';
import type { Store } from '../store/store.ts';
import type { LedgerReport } from '../writer/ledger-report.ts';
import type { Writer } from '../writer/writer.ts';
import type { LiveTail } from './live-tail.ts';

export interface Metrics {
  readonly countIngest: (outcome: string, count: number) => void;
  readonly observeQuery: (kind: string, seconds: number, outcome: string) => void;
  readonly countFallback: (from: string, to: string) => void;
  /** Starts to read from the parts, which are there only after the counters that they use. */
  watch(runtime: ServerRuntime): void;
  text(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const ingest = new Counter({
    name: 'tailrace_ingest_lines_total',
    help: 'Lines that a source was sent, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  const queries = new Histogram({
    name: 'tailrace_query_seconds',
    help: 'Time of a query, by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const fallbacks = new Counter({
    name: 'tailrace_fallback_changes_total',
    help: 'Changes of the stage at which the way in is.',
    labelNames: ['from', 'to'],
    registers,
  });

  return {
    countFallback: (from, to) => fallbacks.inc({ from, to }),
    countIngest: (outcome, count) => ingest.inc({ outcome }, count),
    observeQuery: (kind, seconds, outcome) => queries.observe({ kind, outcome }, seconds),
    watch({ config, queue, store, writer, dead, live, ledger, stage }) {
      watchArrangement(registry, config);
      if (queue !== undefined) watchQueue(registry, queue);
      if (stage !== undefined) watchStage(registry, stage);
      if (writer !== undefined) watchWriter(registry, writer);
      if (store !== undefined) watchStore(registry, store);
      if (dead !== undefined) watchDead(registry, dead);
      watchTail(registry, live);
      if (ledger !== undefined) watchLedger(registry, ledger);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** A number that is read when somebody asks; a total is one too, since its owner counts it. */
function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function watchArrangement(registry: Registry, { arrangement }: Pick<LiveConfig, 'arrangement'>): void {
  const info = new Gauge({
    name: 'tailrace_server_info',
    help: 'What this process is: always 1, with its roles, queue and store as labels.',
    labelNames: ['roles', 'queue', 'store'],
    registers: [registry],
  });
  info.set({ roles: arrangement.roles.join(','), queue: arrangement.queue, store: arrangement.store }, 1);
}

function watchQueue(registry: Registry, queue: Queue): void {
  gauge(
    registry,
    'tailrace_queue_depth_bytes',
    'Bytes in the queue that the store has not committed.',
    () => queue.stats().depthBytes,
  );
  gauge(
    registry,
    'tailrace_queue_age_seconds',
    'Age of the oldest line that the store has not committed.',
    () => queue.stats().ageSeconds,
  );
}

function watchStage(registry: Registry, report: StageReport): void {
  new Gauge({
    name: 'tailrace_fallback_stage',
    help: '1 at the stage at which the way in is: queue, database, file or refused.',
    labelNames: ['stage', 'name'],
    registers: [registry],
    collect() {
      const { stage, name } = report.status();
      this.reset();
      this.set({ stage, name }, 1);
    },
  });
  gauge(
    registry,
    'tailrace_fallback_waiting_bytes',
    "Bytes on this machine's disk that are not yet with the broker or in the store.",
    () => report.status().waitingBytes,
  );
}

function watchWriter(registry: Registry, writer: Writer): void {
  gauge(
    registry,
    'tailrace_writer_inserted',
    'Events that the writer put into the store since the start.',
    () => writer.stats().inserted,
  );
  gauge(
    registry,
    'tailrace_writer_duplicates',
    'Lines of the queue that were stored already, since the start.',
    () => writer.stats().duplicates,
  );
  gauge(
    registry,
    'tailrace_writer_buried',
    'Lines of the queue that became dead letters, since the start.',
    () => writer.stats().buried,
  );
  gauge(registry, 'tailrace_writer_commits', 'Commits of the store since the start.', () => writer.stats().commits);
  gauge(
    registry,
    'tailrace_writer_uncommitted_events',
    'Events that the store has not committed.',
    () => writer.stats().uncommitted,
  );
  gauge(registry, 'tailrace_writer_failing', '1 while the writer fails and tries again.', () =>
    writer.stats().failure === undefined ? 0 : 1,
  );
}

function watchStore(registry: Registry, store: Store): void {
  gauge(registry, 'tailrace_store_events', 'Events in the store.', () => store.stats().events);
  gauge(registry, 'tailrace_store_segments', 'Segments of the store.', () => store.stats().segments);
  gauge(registry, 'tailrace_store_bytes', 'Bytes of all segments.', () => store.stats().bytes);
  gauge(registry, 'tailrace_store_hot_events', 'Events that are not in a segment yet.', () => store.stats().hotEvents);
  gauge(
    registry,
    'tailrace_store_retired_events',
    'Events that retention took out since the store was made.',
    () => store.stats().retired.events,
  );
  gauge(registry, 'tailrace_store_retired_bytes', 'Bytes that retention freed.', () => store.stats().retired.bytes);
  gauge(registry, 'tailrace_store_upkeep_failing', '1 while the last merge or retirement failed.', () =>
    store.stats().upkeepFailure === undefined ? 0 : 1,
  );
  gauge(
    registry,
    'tailrace_store_quarantined_segments',
    'Segments that could not be read.',
    () => store.stats().quarantined.length,
  );
}

function watchDead(registry: Registry, dead: DeadLetterDesk): void {
  gauge(registry, 'tailrace_dead_letters', 'Dead letters of the server.', () => dead.status().count);
  gauge(registry, 'tailrace_dead_letters_bytes', 'Bytes of the dead letters.', () => dead.status().bytes);
  gauge(
    registry,
    'tailrace_dead_letters_fill',
    'How full the dead letters are: 1 at the first of their bounds, of bytes, number or age.',
    () => dead.status().fill,
  );
  gauge(
    registry,
    'tailrace_dead_letters_waiting',
    "Dead letters in this server's files that wait for the shared place.",
    () => dead.status().waiting,
  );
  gauge(
    registry,
    'tailrace_dead_letters_discarded',
    'Dead letters that went since the start because there were too many.',
    () => dead.status().discarded,
  );
}

function watchTail(registry: Registry, live: LiveTail): void {
  gauge(registry, 'tailrace_tail_clients', 'Live tails that are open.', () => live.stats().clients);
  gauge(
    registry,
    'tailrace_tail_dropped',
    'Events left out for slow live tails since the start.',
    () => live.stats().dropped,
  );
}

function watchLedger(registry: Registry, report: () => Promise<LedgerReport>): void {
  new Gauge({
    name: 'tailrace_ledger_events',
    help: 'The ledger over all producers: kept = stored + in_flight + dead + dropped + missing.',
    labelNames: ['account'],
    registers: [registry],
    async collect() {
      // A shared store that is away must not take the other numbers with it.
      const totals = await report().then(
        (found) => found.totals,
        () => undefined,
      );
      this.reset();
      if (totals === undefined) return;
      for (const account of ['emitted', 'kept', 'stored', 'dead', 'dropped', 'missing', 'duplicates'] as const) {
        this.set({ account }, totals[account]);
      }
      this.set({ account: 'sampled_out' }, totals.sampledOut);
      this.set({ account: 'in_flight' }, totals.inFlight);
    },
  });
}

export function metricsRoute(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', metrics.contentType);
    return metrics.text();
  });
}
