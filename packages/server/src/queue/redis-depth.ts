/** How much waits in the stream: asked of Redis about once a second, and carried forward between the answers. */
import type { RedisConnection } from 'tailrace/sinks/redis';
import type { QueueStats } from './queue.ts';
import { type GroupInfo, readEntries, readGroups, readPendingSummary } from './redis-replies.ts';

export interface RedisDepthParts {
  readonly connection: RedisConnection;
  readonly stream: string;
  readonly group: string;
  readonly timeoutMs: number;
  /** True where this process reads: it also lets go of what several groups have acknowledged, each by itself. */
  readonly trims: boolean;
  readonly now: () => number;
}

const POLL_MS = 1000;
/** Until a line was seen. */
const FIRST_LINE_BYTES = 1000;

export class RedisDepth {
  readonly #parts: RedisDepthParts;
  readonly #timer: NodeJS.Timeout;
  #lines = 0;
  #lineBytes = FIRST_LINE_BYTES;
  #oldestMs: number | undefined;
  #passedMs = 0;
  #groups = 0;
  #isAsking = false;
  /** Rises with each change that an answer on its way can't know of. */
  #changes = 0;

  constructor(parts: RedisDepthParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#ask(), POLL_MS).unref();
  }

  /** False while other groups read the stream too: what one has acknowledged must stay for the others. */
  async isSoleGroup(): Promise<boolean> {
    const { connection, stream, timeoutMs } = this.#parts;
    if (this.#groups === 0)
      this.#groups = readGroups(await connection.command(['XINFO', 'GROUPS', stream], { timeoutMs })).length;
    return this.#groups <= 1;
  }

  /** Mean of what was seen lately, for guessing how many entries make so many bytes. */
  get lineBytes(): number {
    return this.#lineBytes;
  }

  noteSize(lines: number, bytes: number): void {
    if (lines > 0) this.#lineBytes += (bytes / lines - this.#lineBytes) * Math.min(1, lines / 200);
  }

  notePublished(lines: number): void {
    if (this.#lines === 0) this.#oldestMs = this.#parts.now();
    this.#lines += lines;
    this.#changes += 1;
  }

  noteAcknowledged(lines: number): void {
    this.#lines = Math.max(0, this.#lines - lines);
    this.#changes += 1;
  }

  stats(): QueueStats {
    const isEmpty = this.#lines === 0;
    return {
      depthBytes: Math.round(this.#lines * this.#lineBytes),
      depthLines: this.#lines,
      ageSeconds:
        isEmpty || this.#oldestMs === undefined ? 0 : Math.max(0, (this.#parts.now() - this.#oldestMs) / 1000),
      passedMs: this.#passedMs,
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { stream, group, timeoutMs, connection } = this.#parts;
    const changes = this.#changes;
    const askedMs = this.#parts.now();
    try {
      const length = Number(await connection.command(['XLEN', stream], { timeoutMs }));
      const groups =
        length === 0 ? [] : readGroups(await connection.command(['XINFO', 'GROUPS', stream], { timeoutMs }));
      const [oldest] = readEntries(await connection.command(['XRANGE', stream, '-', '+', 'COUNT', '1'], { timeoutMs }));
      if (groups.length > 0) this.#groups = groups.length;
      const ours = groups.find(({ name }) => name === group);
      // More than our group is waiting for: others wait for it too, or it was acknowledged while they did.
      const hasMore = ours?.lag !== undefined && length > ours.pending + ours.lag;
      if (this.#parts.trims && hasMore) await this.#trim(groups);
      const lines = ours?.lag === undefined ? length : ours.pending + ours.lag;
      const oldestMs = oldest === undefined ? undefined : Number(oldest.id.split('-')[0]);
      // Whatever was published since this was asked is younger.
      this.#passedMs = Math.min(askedMs, lines === 0 ? askedMs : (oldestMs ?? askedMs));
      if (changes !== this.#changes) return;
      this.#lines = lines;
      this.#oldestMs = oldestMs;
    } catch {
      // Redis is away: what was known last stands, and `read` and `publish` tell of it.
    } finally {
      this.#isAsking = false;
    }
  }

  /** Up to the first entry that some group has not acknowledged. */
  async #trim(groups: readonly GroupInfo[]): Promise<void> {
    const { stream, timeoutMs, connection } = this.#parts;
    let first: string | undefined;
    for (const { name, pending, lastDelivered } of groups) {
      const summary =
        pending === 0
          ? undefined
          : readPendingSummary(await connection.command(['XPENDING', stream, name], { timeoutMs }));
      const place = summary?.oldest ?? lastDelivered;
      if (first === undefined || compareIds(place, first) < 0) first = place;
    }
    if (first !== undefined) await connection.command(['XTRIM', stream, 'MINID', first], { timeoutMs });
  }
}

/** Orders the ids of entries: milliseconds, a dash, a number. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return aMs - bMs || aNumber - bNumber;
}
