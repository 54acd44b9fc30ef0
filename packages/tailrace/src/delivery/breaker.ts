/**
 * The circuit breaker of one sink. Closed, it lets everything through; after `failures` failures in a row it opens, and
 * nothing goes through for a while; then it is half open: one try, whose outcome closes it or opens it for longer.
 *
 * The first opening lasts a tenth of `openMs`, and each one that follows without a success between twice as long, up to
 * `openMs`: a server that was restarted is found again within a second, and one that is gone isn't hammered.
 */
import type { Clock } from './clock.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** The longest that it stays open, in milliseconds. */
  readonly openMs: number;
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  #state: BreakerState = 'closed';
  #failuresInARow = 0;
  #openings = 0;
  #reopensAt = 0;

  constructor(options: BreakerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When the next try may go through: 0 for now, Infinity while a try decides (its end is announced by the engine). */
  get admitsAt(): number {
    if (this.#state === 'closed') return 0;
    return this.#state === 'half-open' ? Number.POSITIVE_INFINITY : this.#reopensAt;
  }

  /** Asks to go through. True makes the caller owe a `succeeded`, `failed` or `withdrew`. */
  enter(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'half-open' || this.#clock.now() < this.#reopensAt) return false;
    this.#state = 'half-open';
    return true;
  }

  succeeded(): void {
    this.#state = 'closed';
    this.#failuresInARow = 0;
    this.#openings = 0;
  }

  failed(): void {
    this.#failuresInARow += 1;
    // Tries that began before it opened end one by one: only the first of them opens it.
    if (this.#state === 'open') return;
    if (this.#state === 'half-open' || this.#failuresInARow >= this.#options.failures) this.#open();
  }

  /** The try was called off: it says nothing about the sink. */
  withdrew(): void {
    if (this.#state === 'half-open') this.#state = 'open';
  }

  #open(): void {
    const openForMs = Math.min(this.#options.openMs, (this.#options.openMs / 10) * 2 ** Math.min(this.#openings, 52));
    this.#openings += 1;
    this.#state = 'open';
    this.#reopensAt = this.#clock.now() + openForMs;
  }
}
