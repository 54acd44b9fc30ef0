/**
 * Which stage a route is at, and when that is worth telling.
 *
 * The stages of a route are its sinks, in order, and after the last of them its spool on disk, where events wait. A route
 * is at its first sink that is up. A sink is down from the moment that its breaker opens (or that it asks for a long
 * pause) until its breaker has closed again.
 *
 * Batches follow their sinks at once, both ways (`deliver-lines.ts`). What is told is slower on the way back: a fall is
 * told the moment it happens, a return only when the better stage has held for `holdMs`. If a route falls again soon after
 * it returned, it has to hold twice as long the next time, and so on up to a bound. So a broker that flaps, slowly or
 * quickly, makes one alert when it falls and one when it is back for good.
 */
import type { Clock } from './clock.ts';

/** A stage by its kind, in the words of the documentation, and by the name of the sink. */
export interface Stage {
  /** What stands there: a queue, a database, a Tailrace server, a file, … */
  readonly stage: string;
  /** The sink's name; `spool` where events wait on disk, or in memory, for a sink to come back. */
  readonly name: string;
}

/** Where events wait while no sink of their route is up: on disk, or in memory where there is none. */
export const SPOOL_STAGE: Stage = { stage: 'file', name: 'spool' };
export const MEMORY_STAGE: Stage = { stage: 'memory', name: 'spool' };

const KINDS: Readonly<Record<string, string>> = {
  kafka: 'queue',
  redis: 'queue',
  mongodb: 'database',
  clickhouse: 'database',
  tailrace: 'server',
};

/** @param kind - the built-in sink that it is, where it bears a name of its own. */
export function stageOfSink(name: string, kind = name): Stage {
  return { stage: KINDS[kind] ?? kind, name };
}

export interface StageChange {
  readonly from: Stage;
  readonly to: Stage;
  /** True where the new stage is worse than the one before. */
  readonly isFall: boolean;
  /** How long the route had been at the stage that it leaves, in milliseconds. */
  readonly heldMs: number;
}

/** Each fall that comes soon after a return doubles the time that a better stage must hold, up to so many times. */
const LONGEST_HOLD = 32;
/** Soon: within so many times the time to hold. */
const SOON = 10;

export class StageWatch {
  readonly #stages: readonly Stage[];
  readonly #holdMs: number;
  readonly #clock: Clock;
  readonly #tell: (change: StageChange) => void;
  #at = 0;
  #since: number;
  /** What the sinks say now. */
  #best = 0;
  /** The worst that they said while a better stage had to hold. */
  #worstHeld = 0;
  #holdFactor = 1;
  #returnedAt = Number.NEGATIVE_INFINITY;
  #cancelHold: (() => void) | undefined;

  /** @param stages - best first; at the last of them events wait until a better one is back. */
  constructor(stages: readonly Stage[], holdMs: number, clock: Clock, tell: (change: StageChange) => void) {
    this.#stages = stages;
    this.#holdMs = holdMs;
    this.#clock = clock;
    this.#tell = tell;
    this.#since = clock.now();
  }

  /** The stage as it was told. */
  get stage(): Stage {
    return this.#stages[this.#at] ?? SPOOL_STAGE;
  }

  /** How long the route has been there, in milliseconds. */
  get heldMs(): number {
    return this.#clock.now() - this.#since;
  }

  /** @param isUp - whether each stage but the last is up now. */
  note(isUp: readonly boolean[]): void {
    const first = isUp.indexOf(true);
    this.#best = first < 0 ? isUp.length : first;
    if (this.#best >= this.#at) this.#stopHolding();
    if (this.#best > this.#at) this.#fall();
    else if (this.#best < this.#at) this.#hold();
  }

  stop(): void {
    this.#stopHolding();
  }

  #fall(): void {
    const isSoon = this.#clock.now() - this.#returnedAt < SOON * this.#holdMs * this.#holdFactor;
    this.#holdFactor = isSoon ? Math.min(this.#holdFactor * 2, LONGEST_HOLD) : 1;
    this.#move(this.#best);
  }

  #hold(): void {
    this.#worstHeld = Math.max(this.#worstHeld, this.#best);
    this.#cancelHold ??= this.#clock.after(this.#holdMs * this.#holdFactor, () => {
      const worst = this.#worstHeld;
      this.#stopHolding();
      this.#returnedAt = this.#clock.now();
      this.#move(worst);
      if (this.#best < this.#at) this.#hold();
    });
  }

  #stopHolding(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.#worstHeld = 0;
  }

  #move(to: number): void {
    const from = this.stage;
    const heldMs = this.heldMs;
    const isFall = to > this.#at;
    this.#at = to;
    this.#since = this.#clock.now();
    this.#tell({ from, to: this.stage, isFall, heldMs });
  }
}
