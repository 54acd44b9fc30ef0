/**
 * Where reports to the main thread are collected, so that they stay a few a second whatever happens: losses are summed
 * up, failures of one sink are thinned out, a notice is told once.
 */
import { SequenceSet } from '../ledger/sequence-set.ts';
import type { Clock } from './clock.ts';
import type { SinkFailure } from './failure.ts';
import type { DeliveryReport } from './types.ts';

type LossReport = Extract<DeliveryReport, { readonly kind: 'dead' | 'skipped' }>;

/** How long losses are summed up before they are told. */
const LOSS_INTERVAL_MS = 250;
/** Least time between two reports about the same sink. */
const FAILURE_INTERVAL_MS = 10_000;
/** A notice is told again after so long, where it still holds. */
const NOTICE_INTERVAL_MS = 600_000;

export class ReportDesk {
  readonly #onReport: (report: DeliveryReport) => void;
  readonly #clock: Clock;
  readonly #losses = new Map<string, { report: LossReport; count: number; sequences: SequenceSet }>();
  readonly #failures = new Map<string, { toldAt: number; suppressed: number }>();
  readonly #noticesToldAt = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;

  constructor(onReport: (report: DeliveryReport) => void, clock: Clock) {
    this.#onReport = onReport;
    this.#clock = clock;
  }

  tellLoss(report: LossReport): void {
    const key = [report.kind, report.route, report.producer ?? '', report.kind === 'skipped' ? report.sink : ''].join(
      ' ',
    );
    const sum = this.#losses.get(key) ?? { report, count: 0, sequences: new SequenceSet() };
    this.#losses.set(key, sum);
    sum.count += report.count;
    for (const [from, to] of report.sequences) sum.sequences.addRange(from, to);
    this.#cancelTimer ??= this.#clock.after(LOSS_INTERVAL_MS, () => this.flush());
  }

  tellFailure(route: string, sink: string, error: SinkFailure, firstLine: Buffer | undefined): void {
    const key = `${route} ${sink}`;
    const now = this.#clock.now();
    const last = this.#failures.get(key);
    if (last !== undefined && now - last.toldAt < FAILURE_INTERVAL_MS) {
      last.suppressed += 1;
      return;
    }
    this.#failures.set(key, { toldAt: now, suppressed: 0 });
    this.#onReport({
      kind: 'handler_error',
      route,
      sink,
      error,
      ...(firstLine !== undefined && { firstLine: firstLine.toString() }),
      suppressed: last?.suppressed ?? 0,
    });
  }

  tellOnce(code: string, message: string): void {
    const key = `${code} ${message}`;
    const now = this.#clock.now();
    const toldAt = this.#noticesToldAt.get(key);
    if (toldAt !== undefined && now - toldAt < NOTICE_INTERVAL_MS) return;
    if (this.#noticesToldAt.size > 1000) this.#noticesToldAt.clear();
    this.#noticesToldAt.set(key, now);
    this.#onReport({ kind: 'notice', code, message });
  }

  /** Tells what is summed up. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const losses = [...this.#losses.values()];
    this.#losses.clear();
    for (const { report, count, sequences } of losses) {
      this.#onReport({ ...report, count, sequences: sequences.intervals() });
    }
  }
}
