import type { Clock } from '../delivery/clock.ts';
import { MEMORY_STAGE, SPOOL_STAGE, type Stage, type StageChange, StageWatch } from '../delivery/stages.ts';

/** A disk that takes lines again must do so for this long before it is told. Milliseconds. */
const HOLD_MS = 30_000;
const STDERR_STAGE: Stage = { stage: 'stderr', name: 'stderr' };

/** Follows the stage of a spool by its notices: its files, then memory, then stderr. */
export class SpoolStages {
  readonly #watch: StageWatch;
  #listener: (change: StageChange) => void = () => {};

  constructor(clock: Clock) {
    const stages = [SPOOL_STAGE, MEMORY_STAGE, STDERR_STAGE];
    this.#watch = new StageWatch(stages, HOLD_MS, clock, (change) => this.#listener(change));
  }

  listen(listener: (change: StageChange) => void): void {
    this.#listener = listener;
  }

  /** @param code - of a notice. A spool may tell it in the middle of a write, so it is looked at after that. */
  hear(code: string): void {
    const isUp = IS_UP[code];
    if (isUp !== undefined) setImmediate(() => this.#watch.note(isUp));
  }

  stop(): void {
    this.#listener = () => {};
    this.#watch.stop();
  }
}

/** Which of the stages before the last take lines, by what the spool tells. */
const IS_UP: Readonly<Record<string, readonly boolean[]>> = {
  spool_writable: [true, true],
  spool_unwritable: [false, true],
  spool_memory_full: [false, false],
};
