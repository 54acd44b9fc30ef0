/**
 * The dead letters of a server: what it could not take, each with its reason, kept to be looked at, mended and replayed.
 *
 * They are in one place (dead-letter-store.ts): files of this server, or a Redis, Kafka or MongoDB that several servers share.
 * While a shared place is away, they are kept in the files of this server, and go to the shared place when it is back; so does
 * what the files hold when a shared place is chosen. So a letter is durable before the line that it was is forgotten, whatever
 * is down.
 *
 * Every few seconds, and whenever there are too many, they are looked over: what is beyond the bounds goes, the oldest first.
 */
import type { DeadLetter } from 'tailrace/dead-letters';
import type { Log } from '../log.ts';
import { bytesOf, type DeadLetterBounds, fillOf, isOver, trimLetters } from './bounds.ts';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';
import type { FileStore } from './file-store.ts';
import { type FillLevel, FillWatch, NEAR } from './fill-watch.ts';

export interface DeadLettersOptions {
  /** The files of this server. */
  readonly local: FileStore;
  /** Where the letters are to be, if not in the files of this server. */
  readonly shared?: DeadLetterStore | undefined;
  /** Read at each use. */
  readonly bounds: DeadLetterBounds;
  /** Hears when the bounds are near, when letters went, and when there is room again. */
  readonly onLevel: (level: FillLevel, status: DeadLettersStatus) => void;
  readonly log: Log;
  readonly now: () => number;
  /** @defaultValue 10000 */
  readonly lookMs?: number;
}

export interface DeadLettersStatus extends DeadLettersSize {
  readonly place: string;
  /** When the oldest died, RFC 3339. */
  readonly oldestAt: string | undefined;
  /** How full it is: 1 at the first of the bounds. */
  readonly fill: number;
  /** Letters that went since the start because of the bounds. */
  readonly discarded: number;
  /** Letters in files of this server that wait for the shared place. */
  readonly waiting: number;
  /** Why the shared place can't be used now. */
  readonly failure: string | undefined;
}

/** After a failure the shared place is left in peace for so long. */
const PAUSE_MS = 10_000;
const EMPTY = { count: 0, bytes: 0 };

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #watch: FillWatch;
  readonly #timer: NodeJS.Timeout;
  #size: DeadLettersSize = EMPTY;
  #oldestAt: string | undefined;
  #discarded = 0;
  #failure: string | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  private constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#watch = new FillWatch((level) => options.onLevel(level, this.status()));
    this.#timer = setInterval(() => void this.look(), options.lookMs ?? 10_000).unref();
  }

  static async open(options: DeadLettersOptions): Promise<DeadLetters> {
    const letters = new DeadLetters(options);
    await letters.look();
    return letters;
  }

  /** Where they are, for those who list, change and replay them. */
  get store(): DeadLetterStore {
    return this.#options.shared ?? this.#options.local;
  }

  status(): DeadLettersStatus {
    const { shared, local, bounds, now } = this.#options;
    // The files know their number at any time.
    const size = shared === undefined ? { ...this.#size, count: local.count } : this.#size;
    return {
      place: this.store.kind,
      ...size,
      oldestAt: this.#oldestAt,
      fill: fillOf({ size, oldestAt: this.#oldestAt }, bounds, now()),
      discarded: this.#discarded,
      waiting: shared === undefined ? 0 : local.count,
      failure: this.#failure,
    };
  }

  /** Resolves when the letters are kept. */
  async append(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const { shared, local, bounds } = this.#options;
    if (shared === undefined || !(await this.#putShared(shared, letters))) await local.put(letters);
    const bytes = letters.reduce((sum, letter) => sum + bytesOf(letter), 0);
    this.#size = { count: this.#size.count + letters.length, bytes: this.#size.bytes + bytes };
    if (isOver(this.#size, bounds)) await this.look();
    // An alert is not to wait for the next look.
    else if (this.status().fill >= NEAR && this.#watch.level === 'room') void this.look();
  }

  /** Looks over what is there: moves what waits, and keeps within the bounds. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOver().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#options.shared?.close();
    await this.#options.local.close();
  }

  async #lookOver(): Promise<void> {
    const { shared, local, bounds, now } = this.#options;
    try {
      if (shared !== undefined) {
        await this.#move(local, shared);
      }
      const trimmed = await trimLetters(this.store, bounds, now());
      this.#failure = undefined;
      this.#size = trimmed.size;
      this.#oldestAt = trimmed.oldestAt;
      this.#discarded += trimmed.discarded;
      this.#watch.note(this.status().fill, trimmed.discarded);
    } catch (error) {
      this.#noteFailure(error);
      if (shared !== undefined) await this.#trimWaiting();
    }
  }

  /** What waits is bounded too. */
  async #trimWaiting(): Promise<void> {
    const { local, bounds, now } = this.#options;
    try {
      const { discarded } = await trimLetters(local, bounds, now());
      this.#discarded += discarded;
      this.#watch.note(this.status().fill, discarded);
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  async #move(from: FileStore, to: DeadLetterStore): Promise<void> {
    if (from.count === 0) return;
    for await (const part of from.scan()) {
      await to.put(part);
      await from.remove(part.map(({ id }) => id));
    }
  }

  async #putShared(shared: DeadLetterStore, letters: readonly DeadLetter[]): Promise<boolean> {
    if (this.#failure !== undefined && this.#options.now() - this.#triedAtMs < PAUSE_MS) return false;
    try {
      await shared.put(letters);
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#noteFailure(error);
      return false;
    }
  }

  #noteFailure(error: unknown): void {
    const { log, now, shared } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    this.#triedAtMs = now();
    if (this.#failure !== message) {
      log(
        'error',
        shared === undefined
          ? `dead letters can't be looked over: ${message}`
          : `dead letters wait in files of this server, since ${this.store.kind} can't be used: ${message}`,
      );
    }
    this.#failure = message;
  }
}
