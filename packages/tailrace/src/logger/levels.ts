import type { Level } from '../event.ts';

export const LEVEL_RANK: Readonly<Record<Level, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, fatal: 5 };

export function isLevel(value: unknown): value is Level {
  return typeof value === 'string' && Object.hasOwn(LEVEL_RANK, value);
}

/** How many lines of each level were logged in a scope. */
export class LineCounts {
  readonly #counts = new Map<Level, number>();
  highest: Level = 'trace';

  add(level: Level): void {
    this.#counts.set(level, (this.#counts.get(level) ?? 0) + 1);
    if (LEVEL_RANK[level] > LEVEL_RANK[this.highest]) this.highest = level;
  }

  writeTo(fields: Record<string, unknown>): void {
    for (const [level, count] of this.#counts) fields[`log.counts.${level}`] = count;
  }
}
