import { writeSync } from 'node:fs';

const INTERVAL_MS = 10_000;

/** The last stage: lines are lost, and stderr says how many, in one line every ten seconds at most. */
export class LossReport {
  readonly #directory: string;
  #lost = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = directory;
  }

  count(reason: string): void {
    this.#lost += 1;
    if (performance.now() - this.#reportedAt >= INTERVAL_MS) this.report(reason);
  }

  /** Says what was lost since the last time, when anything was. */
  report(reason: string): void {
    if (this.#lost === 0) return;
    const text = `tailrace: the spool ${this.#directory} can't be written (${reason}) and memory is full: ${this.#lost} lines lost\n`;
    try {
      // Not process.stderr: a closed pipe would come back as an 'error' event in the application.
      writeSync(2, text);
    } catch {
      // Nothing is left to tell it to; the lines are in the ledger by their numbers.
    }
    this.#lost = 0;
    this.#reportedAt = performance.now();
  }
}
