/** What goes wrong in reading: told to the writer when it lasts, and to the log when it is over. */
import type { BrokerError } from 'tailrace/sinks/kafka';

export interface KafkaTroubleParts {
  readonly topic: string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/** Errors that are over sooner (a rebalance, a moved leader) are none of the writer's business. */
const LASTING_MS = 3000;

export class KafkaTrouble {
  readonly #parts: KafkaTroubleParts;
  #now: { readonly error: BrokerError; readonly sinceMs: number } | undefined;

  constructor(parts: KafkaTroubleParts) {
    this.#parts = parts;
  }

  /** The last error, where nothing has worked for a while. */
  get lasting(): BrokerError | undefined {
    return this.#isLasting() ? this.#now?.error : undefined;
  }

  note(error: BrokerError): void {
    this.#now = { error, sinceMs: this.#now?.sinceMs ?? performance.now() };
  }

  /** The client has given up, and another one is to take over. */
  noteEnd(error: BrokerError): void {
    const { log } = this.#parts;
    if (error.message !== this.#now?.error.message) log('warn', `${error.message}; trying again until it works`);
    this.note(error);
  }

  noteSuccess(): void {
    const { topic, log } = this.#parts;
    if (this.#isLasting()) log('info', `reading topic ${topic} works again`);
    this.#now = undefined;
  }

  #isLasting(): boolean {
    return this.#now !== undefined && performance.now() - this.#now.sinceMs > LASTING_MS;
  }
}
