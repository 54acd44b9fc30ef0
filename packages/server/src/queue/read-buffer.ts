/**
 * What a reader of a broker has fetched and not handed out yet. The fetching side puts entries in and stops at the bound;
 * `read` takes them out, or waits for them.
 *
 * Entries under suspicion (they were handed out before, and their reader died) go out apart from all others, in runs
 * (suspicion.ts).
 */
import { goTogether, longestRun, type Suspicion } from './suspicion.ts';

export interface ReadEntry<Place> {
  /** Where it stands in the broker. */
  readonly place: Place;
  readonly line: string;
  /** Why it can't be read as a line. */
  readonly fault?: string;
  readonly bytes: number;
  /** Left out where nothing is known against it. */
  readonly suspicion?: Suspicion | undefined;
}

export class ReadBuffer<Place> {
  #entries: ReadEntry<Place>[] = [];
  /** Index of the first entry that isn't taken: shifting a long array each time would cost more. */
  #next = 0;
  #bytes = 0;
  /** The length of the next run of suspects of which no more is known: all before it did no harm. */
  #runLines = 1;
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
    this.#runLines = 1;
    for (const { bytes } of entries) this.#bytes += bytes;
  }

  /** The next entries, one at least where there is any; suspects in a run of their own. */
  take(maxLines: number, maxBytes: number): readonly ReadEntry<Place>[] {
    const start = this.#next;
    const suspicion = this.first?.suspicion;
    const limit = suspicion === undefined ? maxLines : Math.min(maxLines, longestRun(suspicion, this.#runLines));
    let bytes = 0;
    for (; this.#next < this.#entries.length; this.#next += 1) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) break;
      const taken = this.#next - start;
      const fits = taken < limit && bytes + entry.bytes <= maxBytes && goTogether(entry.suspicion, suspicion);
      if (taken > 0 && !fits) break;
      bytes += entry.bytes;
    }
    const entries = this.#entries.slice(start, this.#next);
    if (suspicion === undefined) this.#runLines = 1;
    else if (suspicion.diedWith === undefined) this.#runLines = Math.max(this.#runLines, 2 * entries.length);
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
    this.#runLines = 1;
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
