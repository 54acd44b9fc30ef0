import { LEVELS, type Level } from '../event.ts';

export const LEVEL_RANK: Readonly<Record<Level, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, fatal: 5 };

export function isLevel(value: unknown): value is Level {
  return typeof value === 'string' && Object.hasOwn(LEVEL_RANK, value);
}

/** How many lines of each level were logged in a scope. */
export class LineCounts {
  /** By rank. */
  readonly #counts = [0, 0, 0, 0, 0, 0];
  #highest = 0;

  get highest(): Level {
    return LEVELS[this.#highest] ?? 'trace';
  }

  add(level: Level): void {
    const rank = LEVEL_RANK[level];
    this.#counts[rank] = (this.#counts[rank] ?? 0) + 1;
    if (rank > this.#highest) this.#highest = rank;
  }

  writeTo(fields: Record<string, unknown>): void {
    for (const level of LEVELS) {
      const count = this.#counts[LEVEL_RANK[level]] ?? 0;
      if (count > 0) fields[`log.counts.${level}`] = count;
    }
  }
}
