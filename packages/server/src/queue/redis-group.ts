/** This reader as a member of its group: joining, its lease, taking over from the dead, suspects, and leaving. */
import { BrokerError, type RedisConnection } from 'tailrace/sinks/redis';
import {
  readConsumers,
  readEntries,
  readGroups,
  readPending,
  readPendingSummary,
  type StreamEntry,
} from './redis-replies.ts';
import type { Suspicion } from './suspicion.ts';

export interface RedisGroupParts {
  readonly connection: Pick<RedisConnection, 'command'>;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  readonly createStream: boolean;
  readonly leaseMs: number;
  readonly timeoutMs: number;
}

export interface Claimed {
  readonly entries: readonly StreamEntry[];
  /** How often each was handed out, with this time. */
  readonly deliveries: ReadonlyMap<string, number>;
}

const NOTHING: Claimed = { entries: [], deliveries: new Map() };
/** Of several that want to take over an entry, the first wins: it isn't idle any more when the second comes. */
const LEAST_IDLE_MS = 1000;
const PAGE = 1000;

/**
 * A consumer that is gone for good is removed, since their names are never used again. In one step with the question
 * whether it holds anything: what is pending under a removed name is lost to the group.
 */
const REMOVE_CONSUMER = `
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return -1 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])`;

export class RedisGroup {
  readonly #parts: RedisGroupParts;
  #timer: NodeJS.Timeout | undefined;
  #nextClaimMs = 0;
  #nextRemovalMs = 0;

  constructor(parts: RedisGroupParts) {
    this.#parts = parts;
  }

  /**
   * Makes the group where it isn't there, and takes the lease.
   *
   * @param isAgain - true after the connection was lost: the others may have lost theirs too, so they get time for theirs
   * @throws BrokerError `MISSING` where stream or group isn't there, and may not be made
   */
  async join(isAgain: boolean): Promise<void> {
    const { stream, group, createStream, leaseMs } = this.#parts;
    await this.#renewLease();
    if (createStream) {
      await this.#command(['XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM']).catch((error: unknown) => {
        if (!(error instanceof BrokerError) || !error.message.includes('BUSYGROUP')) throw error;
      });
    } else if (!(await this.#isGroupThere())) {
      throw new BrokerError(
        'MISSING',
        `there is no group ${group} on a stream ${stream}, and createStream is false; make it: XGROUP CREATE ${stream} ${group} 0 MKSTREAM`,
      );
    }
    if (isAgain) this.#nextClaimMs = performance.now() + leaseMs;
    this.#timer ??= setInterval(() => {
      this.#renewLease().catch(() => {});
    }, leaseMs / 3).unref();
  }

  isClaimDue(): boolean {
    return performance.now() >= this.#nextClaimMs;
  }

  /** What is pending under our own name, and isn't known here: its reply was lost, or an earlier process had this name. */
  async claimOwn(known: ReadonlySet<string>, count: number): Promise<Claimed> {
    const { stream, group, consumer } = this.#parts;
    let from = '-';
    for (;;) {
      const page = readPending(await this.#command(['XPENDING', stream, group, from, '+', String(PAGE), consumer]));
      const lost = page.filter(({ id }) => !known.has(id)).slice(0, count);
      if (lost.length > 0) return this.#claim(lost, 0);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return NOTHING;
      from = `(${last.id}`;
    }
  }

  /** Entries of readers whose lease has ended. Empty when there are none: then it is due again after a while. */
  async claimOfDead(count: number): Promise<Claimed> {
    const { stream, group, consumer, leaseMs } = this.#parts;
    const { consumers } = readPendingSummary(await this.#command(['XPENDING', stream, group]));
    for (const other of consumers) {
      if (other === consumer || (await this.#isAlive(other))) continue;
      const pending = readPending(
        await this.#command(['XPENDING', stream, group, 'IDLE', String(LEAST_IDLE_MS), '-', '+', String(count), other]),
      );
      if (pending.length > 0) return this.#claim(pending, LEAST_IDLE_MS);
    }
    await this.#removeDead();
    this.#nextClaimMs = performance.now() + leaseMs / 3;
    return NOTHING;
  }

  /** What readers before this one have marked: with which entries they died. */
  async suspicionsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Suspicion>> {
    if (ids.length === 0) return new Map();
    const reply = await this.#command(['HMGET', this.#suspects, ...ids]);
    const marks: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return new Map(ids.map((id, i) => [id, suspicionOf(Number(marks[i] ?? 0))]));
  }

  /** Notes that these go out together. */
  async mark(
    suspects: readonly { readonly place: string; readonly suspicion?: Suspicion | undefined }[],
  ): Promise<void> {
    const [first] = suspects;
    const mark = suspects.length > 1 ? -suspects.length : (first?.suspicion?.deathsAlone ?? 0) + 1;
    await this.#command(['HSET', this.#suspects, ...suspects.flatMap(({ place }) => [place, String(mark)])]);
  }

  async unmark(ids: readonly string[]): Promise<void> {
    await this.#command(['HDEL', this.#suspects, ...ids]);
  }

  /** What is still pending goes to the others at once. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.#command(['DEL', this.#leaseOf(this.#parts.consumer)]);
    await this.#remove(this.#parts.consumer);
  }

  async #claim(pending: readonly { id: string; deliveries: number }[], leastIdleMs: number): Promise<Claimed> {
    const { connection, stream, group, consumer, timeoutMs } = this.#parts;
    const ids = pending.map(({ id }) => id);
    const reply = await connection.command(['XCLAIM', stream, group, consumer, String(leastIdleMs), ...ids], {
      timeoutMs,
      asBytes: true,
    });
    const entries = readEntries(reply);
    const claimed = new Set(entries.map(({ id }) => id));
    // Gone from the stream, though pending: acknowledged, so that nobody comes upon it again.
    const gone = leastIdleMs === 0 ? ids.filter((id) => !claimed.has(id)) : [];
    if (gone.length > 0) await this.#command(['XACK', stream, group, ...gone]);
    return { entries, deliveries: new Map(pending.map(({ id, deliveries }) => [id, deliveries + 1])) };
  }

  async #removeDead(): Promise<void> {
    const { stream, group, consumer, leaseMs } = this.#parts;
    if (performance.now() < this.#nextRemovalMs) return;
    this.#nextRemovalMs = performance.now() + 10 * leaseMs;
    const consumers = readConsumers(await this.#command(['XINFO', 'CONSUMERS', stream, group]));
    for (const { name, pending, idleMs } of consumers) {
      if (name !== consumer && pending === 0 && idleMs > leaseMs) await this.#remove(name);
    }
  }

  async #remove(consumer: string): Promise<void> {
    const { stream, group } = this.#parts;
    await this.#command(['EVAL', REMOVE_CONSUMER, '2', stream, this.#leaseOf(consumer), group, consumer]).catch(
      (error: unknown) => {
        // Without the right to scripts the names of old consumers stay: a few bytes each.
        if (!(error instanceof BrokerError) || error.code !== 'NOT_ALLOWED') throw error;
      },
    );
  }

  async #isGroupThere(): Promise<boolean> {
    const { stream, group } = this.#parts;
    try {
      return readGroups(await this.#command(['XINFO', 'GROUPS', stream])).some(({ name }) => name === group);
    } catch (error) {
      if (error instanceof BrokerError && error.message.includes('no such key')) return false;
      throw error;
    }
  }

  async #isAlive(consumer: string): Promise<boolean> {
    return Number(await this.#command(['EXISTS', this.#leaseOf(consumer)])) === 1;
  }

  async #renewLease(): Promise<void> {
    const { consumer, leaseMs } = this.#parts;
    await this.#command(['SET', this.#leaseOf(consumer), '1', 'PX', String(leaseMs)]);
  }

  #leaseOf(consumer: string): string {
    return `${this.#parts.stream}:${this.#parts.group}:reader:${consumer}`;
  }

  get #suspects(): string {
    return `${this.#parts.stream}:${this.#parts.group}:suspects`;
  }

  #command(args: readonly string[]): Promise<unknown> {
    return this.#parts.connection.command(args, { timeoutMs: this.#parts.timeoutMs });
  }
}

/** A mark is how many readers died with the entry alone, or, below zero, with how many together one of them did. */
function suspicionOf(mark: number): Suspicion {
  if (mark > 0) return { diedWith: 1, deathsAlone: mark, lane: 0 };
  return { diedWith: mark < 0 ? -mark : undefined, deathsAlone: 0, lane: 0 };
}
