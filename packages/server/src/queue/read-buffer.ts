/**
 * What a reader of a broker has fetched and not handed out yet. The fetching side puts entries in and stops at the bound;
 * `read` takes them out, or waits for them.
 *
 * An entry under suspicion (it was handed out before, and its reader died) goes out alone: when the reader dies of it
 * again, nothing else is to blame.
 */

export interface ReadEntry<Place> {
  /** Where it stands in the broker. */
  readonly place: Place;
  readonly line: string;
  /** Why it can't be read as a line. */
  readonly fault?: string;
  readonly bytes: number;
  readonly isSuspect: boolean;
}

export class ReadBuffer<Place> {
  #entries: ReadEntry<Place>[] = [];
  /** Index of the first entry that isn't taken: shifting a long array each time would cost more. */
  #next = 0;
  #bytes = 0;
  readonly #wakers = new Set<() => void>();

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.#entries.length - this.#next;
  }

  /** What goes out next. */
  get first(): ReadEntry<Place> | undefined {
    return this.#entries[this.#next];
  }

  push(entries: readonly ReadEntry<Place>[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.bytes;
    }
    if (entries.length > 0) this.wake();
  }

  /** Puts back what was taken last and could not be handed out. */
  putBack(entries: readonly ReadEntry<Place>[]): void {
    this.#entries = [...entries, ...this.#entries.slice(this.#next)];
    this.#next = 0;
    for (const { bytes } of entries) this.#bytes += bytes;
  }

  /** The next entries, one at least where there is any; a suspect alone. */
  take(maxLines: number, maxBytes: number): readonly ReadEntry<Place>[] {
    const start = this.#next;
    let bytes = 0;
    for (; this.#next < this.#entries.length; this.#next += 1) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) break;
      const taken = this.#next - start;
      if (taken > 0 && (taken >= maxLines || bytes + entry.bytes > maxBytes || entry.isSuspect)) break;
      bytes += entry.bytes;
      if (entry.isSuspect) {
        this.#next += 1;
        break;
      }
    }
    const entries = this.#entries.slice(start, this.#next);
    if (this.#next === this.#entries.length) {
      this.#entries = [];
      this.#next = 0;
    } else if (this.#next > 4096) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    this.#bytes -= bytes;
    return entries;
  }

  clear(): void {
    this.#entries = [];
    this.#next = 0;
    this.#bytes = 0;
  }

  /** Ends all waiting: something has changed. */
  wake(): void {
    for (const wake of this.#wakers) wake();
  }

  /** Resolves when entries come, {@link wake} is called, the time is over, or the signal aborts. */
  wait(waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || waitMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, waitMs);
      this.#wakers.add(end);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
