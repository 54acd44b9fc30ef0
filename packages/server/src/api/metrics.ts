/** The server's own numbers, as Prometheus reads them. One registry for each server: two in one process don't mix. */
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Queue } from '../queue/queue.ts';
import type { DeadLetters } from '../sources/dead-letters.ts';
import type { Store } from '../store/store.ts';
import type { LedgerBook } from '../writer/ledger-book.ts';
import type { Writer } from '../writer/writer.ts';
import type { LiveTail } from './live-tail.ts';

export interface Metrics {
  readonly countIngest: (outcome: string, count: number) => void;
  readonly observeQuery: (kind: string, seconds: number, outcome: string) => void;
  /** Starts to read from the parts, which are there only after the counters that they use. */
  watch(parts: MetricsParts): void;
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsParts {
  readonly queue: Queue;
  readonly store: Store;
  readonly writer: Writer;
  readonly book: LedgerBook;
  readonly dead: DeadLetters;
  readonly live: LiveTail;
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
  /** A number that is read when somebody asks; a total is one too, since its owner counts it. */
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };

  return {
    countIngest: (outcome, count) => ingest.inc({ outcome }, count),
    observeQuery: (kind, seconds, outcome) => queries.observe({ kind, outcome }, seconds),
    watch({ queue, store, writer, book, dead, live }) {
      gauge(
        'tailrace_queue_depth_bytes',
        'Bytes in the queue that the store has not committed.',
        () => queue.stats().depthBytes,
      );
      gauge(
        'tailrace_queue_age_seconds',
        'Age of the oldest line that the store has not committed.',
        () => queue.stats().ageSeconds,
      );
      gauge(
        'tailrace_writer_inserted',
        'Events that the writer put into the store since the start.',
        () => writer.stats().inserted,
      );
      gauge(
        'tailrace_writer_duplicates',
        'Lines of the queue that were stored already, since the start.',
        () => writer.stats().duplicates,
      );
      gauge('tailrace_writer_commits', 'Commits of the store since the start.', () => writer.stats().commits);
      gauge(
        'tailrace_writer_uncommitted_events',
        'Events that the store has not committed.',
        () => writer.stats().uncommitted,
      );
      gauge('tailrace_writer_failing', '1 while the writer fails and tries again.', () =>
        writer.stats().failure === undefined ? 0 : 1,
      );
      gauge('tailrace_store_events', 'Events in the store.', () => store.stats().events);
      gauge('tailrace_store_segments', 'Segments of the store.', () => store.stats().segments);
      gauge('tailrace_store_bytes', 'Bytes of all segments.', () => store.stats().bytes);
      gauge('tailrace_store_hot_events', 'Events that are not in a segment yet.', () => store.stats().hotEvents);
      gauge(
        'tailrace_store_retired_events',
        'Events that retention took out since the store was made.',
        () => store.stats().retired.events,
      );
      gauge('tailrace_store_retired_bytes', 'Bytes that retention freed.', () => store.stats().retired.bytes);
      gauge('tailrace_store_upkeep_failing', '1 while the last merge or retirement failed.', () =>
        store.stats().upkeepFailure === undefined ? 0 : 1,
      );
      gauge(
        'tailrace_store_quarantined_segments',
        'Segments that could not be read.',
        () => store.stats().quarantined.length,
      );
      gauge('tailrace_dead_letters', 'Dead letters of the server.', () => dead.count);
      gauge(
        'tailrace_dead_letters_discarded',
        'Dead letters that went since the start because there were too many.',
        () => dead.discarded,
      );
      gauge('tailrace_tail_clients', 'Live tails that are open.', () => live.stats().clients);
      gauge(
        'tailrace_tail_dropped',
        'Events left out for slow live tails since the start.',
        () => live.stats().dropped,
      );
      const ledger = new Gauge({
        name: 'tailrace_ledger_events',
        help: 'The ledger over all producers: kept = stored + in_flight + dead + dropped + missing.',
        labelNames: ['account'],
        registers,
        collect() {
          const { totals } = book.report();
          for (const account of ['emitted', 'kept', 'stored', 'dead', 'dropped', 'missing', 'duplicates'] as const) {
            this.set({ account }, totals[account]);
          }
          this.set({ account: 'sampled_out' }, totals.sampledOut);
          this.set({ account: 'in_flight' }, totals.inFlight);
        },
      });
      registry.registerMetric(ledger);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

export function metricsRoute(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', metrics.contentType);
    return metrics.text();
  });
}
