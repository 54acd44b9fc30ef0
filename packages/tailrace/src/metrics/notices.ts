import type { Notice } from '../options.ts';

/** Codes that are remembered as told; a program has far fewer. */
const MAX_CODES = 1_000;

/**
 * Tells operators and developers what they should know, and never twice the same: one warning for each lost event would
 * flood the log that it wants to save.
 */
export class Notices {
  readonly #tell: (notice: Notice) => void;
  readonly #told = new Set<string>();

  constructor(tell: ((notice: Notice) => void) | undefined) {
    this.#tell = tell ?? warn;
  }

  /** Tells, each time: for changes of state, which come once each by themselves. */
  tell(code: string, message: string): void {
    try {
      this.#tell({ code, message });
    } catch {
      // A listener that throws must not reach the application through us.
    }
  }

  tellOnce(code: string, message: string): void {
    if (this.#told.has(code) || this.#told.size >= MAX_CODES) return;
    this.#told.add(code);
    this.tell(code, message);
  }
}

function warn({ code, message }: Notice): void {
  process.emitWarning(message, { type: 'TailraceWarning', code: `TAILRACE_${code.toUpperCase()}` });
}
