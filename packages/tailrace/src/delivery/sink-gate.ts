/**
 * The way to one sink: its breaker, its pause where the destination asked for one, and the time limit of a `send`.
 * Whatever a sink does (throw, hang, answer nonsense), what comes out of here is an outcome as data.
 */
import { Breaker, type BreakerOptions, type BreakerState } from './breaker.ts';
import type { Clock } from './clock.ts';
import { describeFailure, type SinkFailure } from './failure.ts';
import type { Batch, Sink, SinkOutcome } from './sink.ts';

/** One try: an outcome, with the failure that it tells of where there is one; or called off because delivery stops. */
export type Attempt =
  | { readonly kind: 'answered'; readonly outcome: SinkOutcome; readonly failure?: SinkFailure }
  | { readonly kind: 'called_off' };

/** Sends that hang beyond their time and their abort: with so many of them, no more are started. */
const MAX_ABANDONED_SENDS = 8;

/** How long a sink may take to close. */
const CLOSE_TIMEOUT_MS = 1000;

export class SinkGate {
  readonly sink: Sink;
  readonly #breaker: Breaker;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #pausedUntil = 0;
  #succeededAt = 0;
  #abandonedSends = 0;

  constructor(sink: Sink, options: { readonly breaker: BreakerOptions; readonly timeoutMs: number }, clock: Clock) {
    this.sink = sink;
    this.#breaker = new Breaker(options.breaker, clock);
    this.#timeoutMs = options.timeoutMs;
    this.#clock = clock;
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  /** When the breaker lets the next try through: 0 for now, Infinity while that isn't known. */
  get admitsAt(): number {
    return this.#abandonedSends >= MAX_ABANDONED_SENDS ? Number.POSITIVE_INFINITY : this.#breaker.admitsAt;
  }

  /** False while the breaker isn't closed, sends hang, or the destination asked for a pause longer than `patienceMs`. */
  isUp(patienceMs: number): boolean {
    const isWilling = this.#breaker.state === 'closed' && this.#abandonedSends < MAX_ABANDONED_SENDS;
    return isWilling && this.#pausedUntil - this.#clock.now() <= patienceMs;
  }

  /** Until when the destination wants to be left alone; 0 where it didn't say so. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** When the last batch got through; 0 where none has. */
  get succeededAt(): number {
    return this.#succeededAt;
  }

  /** Asks to go through now. True makes the caller owe a `send`. */
  enter(): boolean {
    const now = this.#clock.now();
    return now >= this.#pausedUntil && now >= this.admitsAt && this.#breaker.enter();
  }

  /** Sends a batch after `enter` said yes. Never rejects. */
  async send(batch: Batch, stop: AbortSignal): Promise<Attempt> {
    const attempt = await this.#try(batch, stop);
    if (attempt.kind === 'called_off') {
      this.#breaker.withdrew();
    } else if (madeNoProgress(attempt.outcome, batch.lines.length)) {
      this.#breaker.failed();
    } else {
      this.#breaker.succeeded();
      this.#succeededAt = this.#clock.now();
    }
    if (attempt.kind === 'answered' && 'afterMs' in attempt.outcome && attempt.outcome.afterMs !== undefined) {
      this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + attempt.outcome.afterMs);
    }
    return attempt;
  }

  /** Closes the sink; a sink that fails at that, or takes long, is left. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_TIMEOUT_MS, resolve);
      const done = () => {
        cancel();
        resolve();
      };
      Promise.resolve()
        .then(() => this.sink.close?.())
        .then(done, done);
    });
  }

  async #try(batch: Batch, stop: AbortSignal): Promise<Attempt> {
    if (stop.aborted) return { kind: 'called_off' };
    const abort = new AbortController();
    let isSettled = false;
    let giveUp: (attempt: Attempt) => void = () => {};
    const givenUp = new Promise<Attempt>((resolve) => {
      giveUp = resolve;
    });
    const callOff = () => {
      abort.abort();
      giveUp({ kind: 'called_off' });
    };
    const cancelTimer = this.#clock.after(this.#timeoutMs, () => {
      abort.abort();
      giveUp(failed({ type: 'TimeoutError', message: `no answer within ${this.#timeoutMs} ms` }));
    });
    stop.addEventListener('abort', callOff);
    const answered = this.#ask(batch, abort.signal).then((attempt) => {
      isSettled = true;
      return attempt;
    });
    try {
      return await Promise.race([answered, givenUp]);
    } finally {
      cancelTimer();
      stop.removeEventListener('abort', callOff);
      if (!isSettled) {
        this.#abandonedSends += 1;
        void answered.then(() => {
          this.#abandonedSends -= 1;
        });
      }
    }
  }

  async #ask(batch: Batch, signal: AbortSignal): Promise<Attempt> {
    try {
      const outcome: unknown = await this.sink.send(batch, signal);
      return isSinkOutcome(outcome, batch.lines.length)
        ? { kind: 'answered', outcome, ...failureOf(outcome) }
        : failed({
            type: 'TypeError',
            message: `the sink answered with something that is no outcome: ${inBrief(outcome)}`,
          });
    } catch (error) {
      return failed(describeFailure(error));
    }
  }
}

function failed(failure: SinkFailure): Attempt {
  return { kind: 'answered', outcome: { kind: 'retry', reason: `${failure.type}: ${failure.message}` }, failure };
}

function failureOf(outcome: SinkOutcome): { readonly failure?: SinkFailure } {
  if (outcome.kind === 'retry') return { failure: { type: 'SinkFailure', message: outcome.reason } };
  if (outcome.kind !== 'partial' || outcome.retry.length === 0) return {};
  return { failure: { type: 'SinkFailure', message: outcome.reason ?? 'part of the batch was not taken' } };
}

function madeNoProgress(outcome: SinkOutcome, lines: number): boolean {
  return outcome.kind === 'retry' || (outcome.kind === 'partial' && new Set(outcome.retry).size >= lines);
}

function isSinkOutcome(value: unknown, lines: number): value is SinkOutcome {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const isIndex = (index: unknown) =>
    typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < lines;
  switch (value.kind) {
    case 'delivered':
      return true;
    case 'retry':
    case 'refused':
      return 'reason' in value && typeof value.reason === 'string';
    case 'partial':
      return (
        'refused' in value &&
        Array.isArray(value.refused) &&
        value.refused.every((line) => isIndex(line?.index) && typeof line.reason === 'string') &&
        'retry' in value &&
        Array.isArray(value.retry) &&
        value.retry.every(isIndex)
      );
    default:
      return false;
  }
}

function inBrief(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return typeof value;
  }
}
