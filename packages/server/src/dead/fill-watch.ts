/**
 * Tells that dead letters come near their bounds, before the first goes, and that letters went. Once for each: it is told
 * again only after there was room in between.
 */
export type FillLevel = 'room' | 'near' | 'losing';

/** From this fill on, somebody should look. */
export const NEAR = 0.8;
const ROOM_AGAIN = 0.6;

export class FillWatch {
  #level: FillLevel = 'room';
  readonly #tell: (level: FillLevel) => void;

  constructor(tell: (level: FillLevel) => void) {
    this.#tell = tell;
  }

  get level(): FillLevel {
    return this.#level;
  }

  /** @param fill - 1 at the bound. @param discarded - letters that went since the last time */
  note(fill: number, discarded: number): void {
    const level = this.#next(fill, discarded);
    if (level === this.#level) return;
    this.#level = level;
    this.#tell(level);
  }

  #next(fill: number, discarded: number): FillLevel {
    if (discarded > 0) return 'losing';
    if (fill < ROOM_AGAIN) return 'room';
    return this.#level === 'room' && fill >= NEAR ? 'near' : this.#level;
  }
}
