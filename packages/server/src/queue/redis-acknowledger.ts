/**
 * Which entries are in the writer's hands, in the order in which they went out, and letting them go: acknowledged for the
 * group, and deleted where no other group reads the stream. What fails is tried again by the reader's loop.
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from 'tailrace/sinks/redis';
import type { RedisDepth } from './redis-depth.ts';

export interface RedisAcknowledgerParts {
  readonly connection: RedisConnection;
  readonly stream: string;
  readonly group: string;
  readonly timeoutMs: number;
  readonly depth: RedisDepth;
  /** Redis has let go of these. */
  readonly onGone: (ids: readonly string[]) => void;
}

const CHUNK = 500;

export class RedisAcknowledger {
  readonly #parts: RedisAcknowledgerParts;
  /** Marks the places as this reader's: those of an earlier process mean nothing here. */
  readonly #reader = randomUUID().slice(0, 8);
  #handedOut: { readonly sequence: number; readonly ids: readonly string[] }[] = [];
  #sequence = 0;
  #acknowledged: string[] = [];
  #flushing: Promise<void> | undefined;
  /** Entries in the writer's hands. */
  unacknowledged = 0;

  constructor(parts: RedisAcknowledgerParts) {
    this.#parts = parts;
  }

  /** The place behind all that was handed out. */
  get end(): string {
    return `${this.#reader}:${this.#sequence}`;
  }

  /** @returns the place behind these entries, which are handed out now. */
  note(ids: readonly string[]): string {
    this.#sequence += 1;
    this.#handedOut.push({ sequence: this.#sequence, ids });
    this.unacknowledged += ids.length;
    return this.end;
  }

  async acknowledge(end: string): Promise<void> {
    const [reader, sequence] = end.split(':');
    if (reader !== this.#reader) return;
    const until = Number(sequence);
    const count = this.#handedOut.findIndex((batch) => batch.sequence > until);
    const done = this.#handedOut.splice(0, count === -1 ? this.#handedOut.length : count);
    for (const { ids } of done) {
      this.#acknowledged.push(...ids);
      this.unacknowledged -= ids.length;
    }
    // The store has them: what fails here is no failure of the writer's.
    await this.flush().catch(() => {});
  }

  /** @throws BrokerError; what could not be told to Redis is kept for the next time. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing.catch(() => {});
    if (this.#acknowledged.length === 0) return;
    this.#flushing = this.#send().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #send(): Promise<void> {
    const { connection, stream, group, timeoutMs, depth } = this.#parts;
    const isSoleGroup = await depth.isSoleGroup();
    while (this.#acknowledged.length > 0) {
      const ids = this.#acknowledged.slice(0, CHUNK);
      const commands = [
        ['XACK', stream, group, ...ids],
        ['HDEL', `${stream}:${group}:suspects`, ...ids],
      ];
      if (isSoleGroup) commands.push(['XDEL', stream, ...ids]);
      await connection.transaction(commands, { timeoutMs });
      this.#acknowledged.splice(0, ids.length);
      depth.noteAcknowledged(ids.length);
      this.#parts.onGone(ids);
    }
  }
}
