/**
 * Keeps the sources from running away from the writer. An event is found only once the writer has put it into the store;
 * sources that take in more than that would answer quickly, and show late. So they wait before they take the next
 * body, as long as too much is between them and the writer: whoever posts in a loop then goes at the writer's speed.
 *
 * A writer that gets nowhere (the disk is full, say) holds nobody up: after a moment the sources go on at their own
 * speed, as far as the queue's bound.
 */
export interface PaceOptions {
  /** Bytes of events that may be between source and store. */
  readonly maxBytes: number;
  /** A writer that has taken nothing for so long is not waited for. */
  readonly stallMs: number;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #waiting: (() => void)[] = [];
  #ahead = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStalled = false;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** A source has put so many bytes into the queue. */
  notePublished(bytes: number): void {
    this.#ahead += bytes;
  }

  /** The writer has put so many bytes into the store, from here or from another process. */
  noteInserted(bytes: number): void {
    this.#ahead = Math.max(0, this.#ahead - bytes);
    this.#isStalled = false;
    this.#watch();
    while (this.#waiting.length > 0 && this.#ahead <= this.#options.maxBytes) this.#waiting.shift()?.();
  }

  /** Resolves when a source may take the next body; those that wait go in the order in which they came. */
  ready(): Promise<void> {
    if (this.#isStalled || (this.#waiting.length === 0 && this.#ahead <= this.#options.maxBytes))
      return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#timer === undefined) this.#watch();
    });
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isStalled = true;
      for (const go of this.#waiting.splice(0)) go();
    }, this.#options.stallMs).unref();
  }
}
