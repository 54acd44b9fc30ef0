/** One route while it runs: its sinks behind their gates, its limits, its counters, its dead letters. */
import { SequenceSet } from '../ledger/sequence-set.ts';
import { backoffMs } from './backoff.ts';
import { Bell } from './bell.ts';
import { breakerOptionsOf } from './breaker.ts';
import { type Clock, sleep } from './clock.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterFiles } from './dead-letters.ts';
import type { SinkFailure } from './failure.ts';
import { findEventId } from './line-kinds.ts';
import { RateLimit } from './rate-limit.ts';
import type { ReportDesk } from './report-desk.ts';
import type { Sink } from './sink.ts';
import { SinkGate } from './sink-gate.ts';
import type { SkippedNumbers } from './skipped-numbers.ts';
import { Slots } from './slots.ts';
import { SPOOL_STAGE, type Stage, type StageChange, StageWatch, stageOfSink } from './stages.ts';
import type { RouteOptions, RouteStats } from './types.ts';

/** A line on its way to the dead letters. */
export interface DeadLine {
  readonly reason: string;
  readonly line: Buffer;
  /** How often it was sent. @defaultValue 1 */
  readonly attempts?: number;
  /** The dead letter that it was, where a replay sent it. */
  readonly before?: DeadLetter | undefined;
}

/** Makes lines dead letters: true when they are durable, false when `stop` came first. */
export type Bury = (sink: string, dead: readonly DeadLine[], stop: AbortSignal) => Promise<boolean>;

export class Route {
  readonly name: string;
  readonly gates: readonly SinkGate[];
  readonly clock: Clock;
  readonly limits: { readonly maxLines: number; readonly maxBytes: number; readonly waitMs: number };
  readonly retry: { readonly initialMs: number; readonly maxMs: number; readonly attempts: number };
  readonly rateLimit: RateLimit | undefined;
  /** True where a sink of this route wants the ledger's lines, so that their place among the events counts. */
  readonly takesLedger: boolean;
  /** Limits the batches under way on all spools together. */
  readonly slots: Slots;
  /** Rings when a try has ended: a breaker may have closed. */
  readonly changed = new Bell();
  readonly #desk: ReportDesk;
  readonly #deadLetters: DeadLetterFiles | undefined;
  readonly #skipped: SkippedNumbers | undefined;
  readonly #stages: StageWatch;
  #deliveredLines = 0;
  #duplicateLines = 0;
  #deadLines = 0;
  #skippedLines = 0;
  #retries = 0;

  constructor(
    options: Omit<RouteOptions, 'sinks'>,
    sinks: readonly Sink[],
    parts: {
      readonly clock: Clock;
      readonly desk: ReportDesk;
      readonly deadLetters: DeadLetterFiles | undefined;
      readonly skipped?: SkippedNumbers;
      /** The sinks as stages, and where events wait when none of them is up. */
      readonly stages?: readonly Stage[];
      readonly onStage?: (change: StageChange) => void;
    },
  ) {
    this.name = options.name;
    this.clock = parts.clock;
    this.#desk = parts.desk;
    this.#deadLetters = parts.deadLetters;
    this.#skipped = parts.skipped;
    this.limits = {
      maxLines: options.batchLines ?? 500,
      maxBytes: options.batchBytes ?? 1 << 20,
      waitMs: options.batchWaitMs ?? 200,
    };
    this.retry = {
      initialMs: options.retry?.initialMs ?? 200,
      maxMs: options.retry?.maxMs ?? 10_000,
      attempts: options.retry?.attempts ?? 5,
    };
    const breaker = breakerOptionsOf(options.breaker);
    const timeoutMs = options.timeoutMs ?? 10_000;
    this.gates = sinks.map((sink) => new SinkGate(sink, { breaker, timeoutMs }, parts.clock));
    const stages = parts.stages ?? [...sinks.map((sink) => stageOfSink(sink.name)), SPOOL_STAGE];
    this.#stages = new StageWatch(stages, breaker.openMs, parts.clock, parts.onStage ?? (() => {}));
    this.takesLedger = sinks.some((sink) => sink.takesLedger === true);
    this.slots = new Slots(options.concurrency ?? 5);
    this.rateLimit =
      options.maxLinesPerSecond === undefined ? undefined : new RateLimit(options.maxLinesPerSecond, parts.clock);
  }

  /** A try has ended: the sinks may be up or down since, and the route at another stage. */
  noteSinks(): void {
    this.changed.ring();
    this.#stages.note(this.gates.map((gate) => gate.isUp(this.retry.maxMs)));
  }

  /** Ends what the route does by itself. */
  stop(): void {
    this.#stages.stop();
  }

  countDelivered(lines: number, duplicates: number): void {
    this.#deliveredLines += lines;
    this.#duplicateLines += duplicates;
  }

  countRetry(): void {
    this.#retries += 1;
  }

  tellFailure(sink: string, failure: SinkFailure, firstLine: Buffer | undefined): void {
    this.#desk.tellFailure(this.name, sink, failure, firstLine);
  }

  /** Counts events about a sink's own failures, which it doesn't get: no cursor moves past them before that is on disk. */
  async skip(sink: string, lines: readonly Buffer[]): Promise<void> {
    if (lines.length === 0) return;
    this.#skippedLines += lines.length;
    for (const loss of countByProducer(lines)) {
      if (loss.producer !== undefined) await this.#skipped?.note(loss.producer, loss.sequences);
      this.#desk.tellLoss({ kind: 'skipped', route: this.name, sink, ...loss });
    }
  }

  /** Makes lines of a spool dead letters, and tells the ledger. */
  async bury(sink: string, dead: readonly DeadLine[], stop: AbortSignal): Promise<boolean> {
    if (!(await this.buryAgain(sink, dead, stop))) return false;
    for (const loss of countByProducer(dead.map(({ line }) => line))) {
      this.#desk.tellLoss({ kind: 'dead', route: this.name, ...loss });
    }
    return true;
  }

  /**
   * Makes lines dead letters that were some before: the ledger knows them. While the disk takes none, it waits and tries
   * again: until then the lines stay where they are, since no cursor moves past them.
   */
  async buryAgain(sink: string, dead: readonly DeadLine[], stop: AbortSignal): Promise<boolean> {
    for (let failures = 1; this.#deadLetters !== undefined; failures += 1) {
      try {
        await this.#deadLetters.append(sink, dead);
        break;
      } catch (error) {
        this.#desk.tellOnce(
          'dead_letters_unwritable',
          `route ${this.name} waits: dead letters can't be written: ${error}`,
        );
        await sleep(this.clock, backoffMs(failures, { initialMs: 500, maxMs: 10_000 }), stop);
        if (stop.aborted) return false;
      }
    }
    this.#deadLines += dead.length;
    return true;
  }

  stats(backlogBytes: number, batchesUnderWay: number): RouteStats {
    return {
      route: this.name,
      deliveredLines: this.#deliveredLines,
      duplicateLines: this.#duplicateLines,
      deadLines: this.#deadLines,
      skippedLines: this.#skippedLines,
      batchesUnderWay,
      retries: this.#retries,
      backlogBytes,
      stage: { ...this.#stages.stage, heldMs: this.#stages.heldMs },
      sinks: this.gates.map((gate) => ({ name: gate.sink.name, breaker: gate.breakerState })),
    };
  }
}

function countByProducer(lines: readonly Buffer[]) {
  const losses = new Map<string | undefined, { count: number; set: SequenceSet }>();
  for (const line of lines) {
    const id = findEventId(line);
    const loss = losses.get(id?.producer) ?? { count: 0, set: new SequenceSet() };
    losses.set(id?.producer, loss);
    loss.count += 1;
    if (id !== undefined) loss.set.add(id.sequence);
  }
  return [...losses].map(([producer, { count, set }]) => ({ producer, count, sequences: set.intervals() }));
}
