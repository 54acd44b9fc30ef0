import { freeSegments, readCursor, writeCursor } from './cursor.ts';
import { comparePositions, type Position, SPOOL_START } from './position.ts';
import { errorCode } from './segment.ts';
import type { SpoolNoticeCode } from './types.ts';

export interface DurableCursorParts {
  readonly directory: string;
  readonly name: string;
  /** The file is written at most this often. */
  readonly intervalMs: number;
  readonly tell: (code: SpoolNoticeCode, message: string) => void;
}

/**
 * A reader's cursor, and its file, which follows it: at most every `intervalMs`, and always before a segment is freed. A
 * file that can't be written is told once and tried again.
 */
export class DurableCursor {
  readonly #parts: DurableCursorParts;
  #place = SPOOL_START;
  /** What the file says; `undefined` where it says nothing. */
  #durable: Position | undefined;
  #freedBelow = 0;
  #persisting: Promise<void> = Promise.resolve();
  #persistedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #isClosed = false;

  constructor(parts: DurableCursorParts) {
    this.#parts = parts;
  }

  /** Everything before it was committed. */
  get place(): Position {
    return this.#place;
  }

  /** Reads the file; `undefined` where there is none, or what it holds is no place (told through `onInvalid`). */
  async load(onInvalid: (reason: string) => void): Promise<Position | undefined> {
    const stored = await readCursor(this.#parts.directory, this.#parts.name);
    if (stored.kind === 'found') this.#durable = stored.position;
    if (stored.kind === 'unreadable') onInvalid(stored.reason);
    return this.#durable;
  }

  /** Moves it; the file follows when it is due. */
  async move(to: Position): Promise<void> {
    this.#place = to;
    const dueInMs = this.#persistedAt + this.#parts.intervalMs - performance.now();
    if (dueInMs <= 0) await this.persist();
    else this.#persistLater(dueInMs);
  }

  /** Moves it, also back, and writes the file at once. */
  reset(to: Position): Promise<void> {
    this.#place = to;
    return this.persist();
  }

  persist(): Promise<void> {
    this.#persisting = this.#persisting.then(() => this.#persist());
    return this.#persisting;
  }

  /** Writes the file, and never again by itself. */
  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    return this.persist();
  }

  #persistLater(afterMs: number): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.persist();
    }, afterMs).unref();
  }

  async #persist(): Promise<void> {
    const { directory, name, intervalMs, tell } = this.#parts;
    const position = this.#place;
    this.#persistedAt = performance.now();
    try {
      if (this.#durable === undefined || comparePositions(position, this.#durable) !== 0) {
        await writeCursor(directory, name, position);
        this.#durable = position;
      }
      if (position.segment > this.#freedBelow) {
        await freeSegments(directory);
        this.#freedBelow = position.segment;
      }
      if (this.#isFailing) tell('cursor_writable', 'the cursor can be written again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        tell('cursor_unwritable', `the cursor can't be written (${errorCode(error)}): after a crash lines come twice`);
      }
      this.#isFailing = true;
      this.#persistLater(Math.max(intervalMs, 1000));
    }
  }
}
