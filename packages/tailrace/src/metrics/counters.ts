/** Counts by name, bounded by the number of names. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  values(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
