/**
 * The circuit breaker of one sink. Closed, it lets everything through; after `failures` failures in a row it opens, and
 * nothing goes through for a while; then it is half open: one try at a time, until `successes` of them closed it or one
 * opened it for longer.
 *
 * The first opening lasts a tenth of `openMs`, and each one that follows without a success between twice as long, up to
 * `openMs`: a server that was restarted is found again within a second, and one that is gone isn't hammered.
 */
import type { Clock } from './clock.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Successes in a row that close it again. */
  readonly successes: number;
  /** The longest that it stays open, in milliseconds. */
  readonly openMs: number;
}

/**
 * Breakers by how much an outage hurts: `critical` is slow to give up its first choice, and wants to be sure that it is
 * back; `noncritical` gives up soon and comes back soon.
 */
export const BREAKER_PRESETS = {
  critical: { failures: 10, successes: 3, openMs: 60_000 },
  standard: { failures: 5, successes: 2, openMs: 30_000 },
  noncritical: { failures: 3, successes: 1, openMs: 15_000 },
} as const satisfies Readonly<Record<string, BreakerOptions>>;

export type BreakerPreset = keyof typeof BREAKER_PRESETS;
export const BREAKER_PRESET_NAMES: readonly BreakerPreset[] = ['critical', 'standard', 'noncritical'];

/** What is left out of a route's breaker. */
const DEFAULTS: BreakerOptions = { failures: 5, successes: 1, openMs: 10_000 };

export function breakerOptionsOf(given: BreakerPreset | Partial<BreakerOptions> | undefined): BreakerOptions {
  return typeof given === 'string' ? BREAKER_PRESETS[given] : { ...DEFAULTS, ...given };
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  #state: BreakerState = 'closed';
  #failuresInARow = 0;
  #successesInARow = 0;
  #isTrying = false;
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
    if (this.#state === 'open') return this.#reopensAt;
    return this.#isTrying ? Number.POSITIVE_INFINITY : 0;
  }

  /** Asks to go through. True makes the caller owe a `succeeded`, `failed` or `withdrew`. */
  enter(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#isTrying || (this.#state === 'open' && this.#clock.now() < this.#reopensAt)) return false;
    this.#state = 'half-open';
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    this.#isTrying = false;
    this.#failuresInARow = 0;
    if (this.#state === 'closed') return;
    this.#successesInARow += 1;
    this.#state = this.#successesInARow >= this.#options.successes ? 'closed' : 'half-open';
    if (this.#state === 'closed') this.#openings = 0;
  }

  failed(): void {
    this.#failuresInARow += 1;
    this.#successesInARow = 0;
    // Tries that began before it opened end one by one: only the first of them opens it.
    if (this.#state === 'open') return;
    if (this.#state === 'half-open' || this.#failuresInARow >= this.#options.failures) this.#open();
  }

  /** The try was called off: it says nothing about the sink. */
  withdrew(): void {
    if (this.#state !== 'half-open') return;
    this.#isTrying = false;
    this.#state = 'open';
  }

  #open(): void {
    const openForMs = Math.min(this.#options.openMs, (this.#options.openMs / 10) * 2 ** Math.min(this.#openings, 52));
    this.#openings += 1;
    this.#isTrying = false;
    this.#successesInARow = 0;
    this.#state = 'open';
    this.#reopensAt = this.#clock.now() + openForMs;
  }
}
