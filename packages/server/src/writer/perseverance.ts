/** Tries again what fails, for ever, with growing pauses, and says what fails meanwhile. */
export interface PerseveranceOptions {
  /** Ends every pause and every further try. */
  readonly signal: AbortSignal;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

export const FIRST_PAUSE_MS = 100;
export const LONGEST_PAUSE_MS = 10_000;

export class Perseverance {
  readonly #options: PerseveranceOptions;
  #failure: string | undefined;

  constructor(options: PerseveranceOptions) {
    this.#options = options;
  }

  /** What fails now, `undefined` when all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Does it until it is done; `undefined` where the signal ends it before.
   *
   * @param isFinal - true for an error that no other try will change: it is thrown.
   */
  async until<T>(
    what: string,
    work: () => Promise<T>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> {
    const { signal, log } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      try {
        const result = await work();
        if (this.#failure !== undefined) log('info', `${what} works again`);
        this.#failure = undefined;
        return result;
      } catch (error) {
        if (isFinal(error)) throw error;
        if (signal.aborted) return undefined;
        const failure = `${what} failed: ${reasonOf(error)}`;
        if (failure !== this.#failure) log('error', `${failure}; trying again until it works`);
        this.#failure = failure;
        await pause(pauseMs, signal);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
  }
}

/** Resolves after so long, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
