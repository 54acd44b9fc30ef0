/** The bound of a spool: whether one more line may go in, with a part that is kept for urgent ones. */
import type { Capacity } from './capacity.ts';
import type { SpoolNoticeCode } from './types.ts';

/** A full spool counts as free again below this share of its bound, so that it isn't told at each segment. */
const FREE_SHARE = 0.9;

export interface BoundOptions {
  readonly maxBytes: number;
  /** What only urgent lines may use, at the end. */
  readonly reserveBytes: number;
  readonly tell: (code: SpoolNoticeCode, message: string) => void;
}

export class Bound {
  readonly #capacity: Capacity;
  readonly #options: BoundOptions;
  readonly #normalBytes: number;
  #isFull = false;

  constructor(capacity: Capacity, options: BoundOptions) {
    this.#capacity = capacity;
    this.#options = options;
    this.#normalBytes = options.maxBytes - options.reserveBytes;
  }

  /** @param waitingBytes - what was taken already and isn't on disk yet */
  fits(bytes: number, waitingBytes: number, urgent: boolean): boolean {
    const { maxBytes, tell } = this.#options;
    if (this.#capacity.hasRoom(waitingBytes + bytes, urgent ? maxBytes : this.#normalBytes)) {
      if (this.#isFull && this.#capacity.bytes + waitingBytes < this.#normalBytes * FREE_SHARE) {
        this.#isFull = false;
        tell('spool_free', 'segments were freed: lines are taken again');
      }
      return true;
    }
    if (!this.#isFull) {
      this.#isFull = true;
      tell(
        'spool_full',
        `${this.#capacity.bytes} bytes wait in the spool, its bound is ${maxBytes}: lines are dropped`,
      );
    }
    return false;
  }
}
