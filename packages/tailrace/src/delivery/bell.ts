import type { Clock } from './clock.ts';

/**
 * Wakes those who wait. It counts its rings, so that one that came between looking and waiting isn't missed: remember
 * `rings`, look, then wait for a ring after the one remembered.
 */
export class Bell {
  readonly #waiting = new Set<() => void>();
  readonly #onAwaited: (() => void) | undefined;
  #rings = 0;

  /** @param onAwaited - called when somebody begins to wait. */
  constructor(onAwaited?: () => void) {
    this.#onAwaited = onAwaited;
  }

  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next ring after ring number `heard` (at once where it has passed), after `ms`, or when `signal` aborts. */
  waitAfter(heard: number, clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== heard || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = clock.after(ms, wake);
      signal.addEventListener('abort', wake);
      this.#waiting.add(wake);
      this.#onAwaited?.();
    });
  }
}
