import { QueryError } from '../query/query-error.ts';

export interface QueryGateOptions {
  /** Queries that run at once. */
  readonly maxRunning: number;
  /** Queries that may wait for their turn; one more is refused. */
  readonly maxWaiting: number;
}

/** Lets a few queries run at a time: each takes a thread of Node's pool, which files and DNS need too. */
export class QueryGate {
  readonly #options: QueryGateOptions;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: QueryGateOptions) {
    this.#options = options;
  }

  /** @throws QueryError `TOO_MANY_QUERIES`, or `QUERY_CANCELLED` where the signal fires while waiting. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw cancelled();
    if (this.#running < this.#options.maxRunning) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.maxWaiting) {
      throw new QueryError(
        'TOO_MANY_QUERIES',
        `${this.#running} queries are running and ${this.#waiting.length} are waiting`,
        undefined,
        'try again in a moment, or raise the number of queries that may run at once',
      );
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        // Taken here, not after the await: otherwise a newcomer could slip in between.
        this.#running += 1;
        resolve();
      };
      const leave = (): void => {
        const place = this.#waiting.indexOf(enter);
        if (place !== -1) this.#waiting.splice(place, 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(enter);
    });
  }
}

export function cancelled(): QueryError {
  return new QueryError('QUERY_CANCELLED', 'the query was cancelled');
}
