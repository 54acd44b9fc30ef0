import { errorCode } from './segment.ts';
import type { DropReason, SpoolNoticeCode, SpoolOptions } from './types.ts';

/** Those who listen to a spool. Whatever they throw, it must not break the application's log call. */
export class SpoolListeners {
  readonly #options: SpoolOptions;
  #isFsyncFailing = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  tell(code: SpoolNoticeCode, message: string): void {
    try {
      this.#options.onNotice?.({ code, message: `spool ${this.#options.directory}: ${message}` });
    } catch {
      // As said above.
    }
  }

  /** Tells when forcing lines to the device begins to fail, and when it works again. */
  tellFsync(error: unknown): void {
    if (this.#isFsyncFailing === (error !== undefined)) return;
    this.#isFsyncFailing = error !== undefined;
    if (error === undefined) this.tell('spool_fsync_works', 'lines are forced to the device again');
    else this.tell('spool_fsync_failed', `lines can't be forced to the device (${errorCode(error)})`);
  }

  drop(sequence: number, reason: DropReason): void {
    try {
      this.#options.onDrop?.(sequence, reason);
    } catch {
      // As said above.
    }
  }
}
