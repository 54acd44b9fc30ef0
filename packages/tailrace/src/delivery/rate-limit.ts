import type { Clock } from './clock.ts';

/** Spaces out lines: each batch books its share of time, so that the mean never exceeds `linesPerSecond`. */
export class RateLimit {
  readonly #linesPerSecond: number;
  readonly #clock: Clock;
  #freeAt = 0;

  constructor(linesPerSecond: number, clock: Clock) {
    this.#linesPerSecond = linesPerSecond;
    this.#clock = clock;
  }

  /** Books `lines`, and says how many milliseconds to wait before they may go. */
  book(lines: number): number {
    const now = this.#clock.now();
    const startsAt = Math.max(now, this.#freeAt);
    this.#freeAt = startsAt + (lines / this.#linesPerSecond) * 1000;
    return startsAt - now;
  }
}
