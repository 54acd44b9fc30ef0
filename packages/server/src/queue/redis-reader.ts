/**
 * The reading half of Redis Streams: one member of a group of readers.
 *
 * A loop of its own fetches entries into a bounded buffer, from which `read` takes them; so `read` can end at any moment
 * without losing what Redis has just handed out. From being fetched to being acknowledged, an entry is *pending* in Redis
 * under this reader's name:
 *
 *   the connection breaks    Redis may have handed out entries that never arrived: all that is pending under our own name,
 *                            and is neither in the buffer nor in the writer's hands, is fetched again
 *   the process dies         its lease (a key that it renews, and that expires) ends; another reader takes over what is
 *                            pending under its name (XCLAIM, whose least idle time lets one taker win)
 *   the store is slow        the lease is renewed meanwhile, however long it takes: nobody takes anything over
 *   acknowledging fails      it is tried again until it is done; what it would have taken away comes again after a crash
 *
 * Entries that come for the third time are under suspicion: they go out in runs (suspicion.ts), after marks in Redis that are
 * taken off when the reader comes back for more. An entry that has killed two readers on its own goes out as unreadable.
 */
import type { RedisConnection } from 'tailrace/sinks/redis';
import { readEntryLine } from './entry-line.ts';
import { pause } from './pause.ts';
import type { QueueBatch } from './queue.ts';
import { ReadBuffer, type ReadEntry } from './read-buffer.ts';
import { RedisAcknowledger } from './redis-acknowledger.ts';
import type { RedisDepth } from './redis-depth.ts';
import { RedisGroup } from './redis-group.ts';
import { fieldOf, readStreamReply, type StreamEntry } from './redis-replies.ts';
import { reasonToPutAside, type Suspicion } from './suspicion.ts';

export interface RedisReaderParts {
  /** For the one command that waits for entries. */
  readonly waiting: RedisConnection;
  /** For all others. */
  readonly connection: RedisConnection;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  readonly createStream: boolean;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  readonly bufferBytes: number;
  readonly maxLineBytes: number;
  readonly maxUnacknowledged: number;
  readonly depth: RedisDepth;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

const BLOCK_MS = 500;
/** Entries of one fetch. Their bytes can't be bounded in Redis; this many of the largest lines are what can be too much. */
const FETCH_ENTRIES = 128;
const SUSPECT_FROM_DELIVERY = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

export class RedisReader {
  readonly #parts: RedisReaderParts;
  readonly #buffer = new ReadBuffer<string>();
  readonly #group: RedisGroup;
  readonly #acknowledger: RedisAcknowledger;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Ids that are in the buffer, in the writer's hands, or acknowledged without Redis knowing yet. */
  readonly #known = new Set<string>();
  /** The suspects that are in the writer's hands. */
  #marked: readonly string[] = [];
  /** What was handed out last are suspects. */
  #isApart = false;
  #failure: Error | undefined;
  #mustBegin = true;
  #hasBegun = false;

  constructor(parts: RedisReaderParts) {
    this.#parts = parts;
    this.#group = new RedisGroup(parts);
    this.#acknowledger = new RedisAcknowledger({
      ...parts,
      onGone: (ids) => {
        for (const id of ids) this.#known.delete(id);
        this.#buffer.wake();
      },
    });
    this.#running = this.#run();
  }

  async read(maxLines: number, waitMs: number, signal: AbortSignal, isMore: boolean): Promise<QueueBatch> {
    const untilMs = performance.now() + waitMs;
    if (!isMore) await this.#takeMarksOff();
    for (;;) {
      if (isMore && (this.#isApart || this.#buffer.first?.suspicion !== undefined)) break;
      const isAtBound = this.#acknowledger.unacknowledged >= this.#parts.maxUnacknowledged;
      const entries = isAtBound ? [] : this.#buffer.take(maxLines, this.#parts.bufferBytes);
      if (entries.length > 0) return this.#handOut(entries);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted) break;
      await this.#buffer.wait(leftMs, signal);
    }
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
    return { lines: [], unreadable: [], end: this.#acknowledger.end };
  }

  async acknowledge(end: string): Promise<void> {
    await this.#acknowledger.acknowledge(end);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#buffer.wake();
    // What Redis hands out in this moment stays pending, and goes to another reader with the rest.
    this.#parts.waiting.close();
    await this.#running;
    await this.#acknowledger.flush().catch(() => {});
    await this.#takeMarksOff().catch(() => {});
    await this.#group.leave().catch(() => {});
  }

  async #run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step();
        pauseMs = FIRST_PAUSE_MS;
        if (this.#failure !== undefined) this.#parts.log('info', `reading stream ${this.#parts.stream} works again`);
        this.#failure = undefined;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#mustBegin = true;
        const failure = error instanceof Error ? error : new Error(String(error));
        if (failure.message !== this.#failure?.message) {
          this.#parts.log(
            'warn',
            `reading stream ${this.#parts.stream} failed: ${failure.message}; trying again until it works`,
          );
        }
        this.#failure = failure;
        await pause(pauseMs, this.#stop.signal);
        pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
      }
    }
  }

  async #step(): Promise<void> {
    await this.#acknowledger.flush();
    if (this.#mustBegin) {
      await this.#group.join(this.#hasBegun);
      await this.#takeOver(() => this.#group.claimOwn(this.#known, this.#fetchCount()));
      this.#mustBegin = false;
      this.#hasBegun = true;
    }
    if (this.#group.isClaimDue()) await this.#takeOver(() => this.#group.claimOfDead(this.#fetchCount()));
    if (!this.#hasRoom()) return pause(BLOCK_MS, this.#stop.signal);
    const { stream, group, consumer, timeoutMs } = this.#parts;
    const count = String(this.#fetchCount());
    const reply = await this.#parts.waiting.command(
      ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'BLOCK', String(BLOCK_MS), 'STREAMS', stream, '>'],
      { timeoutMs: BLOCK_MS + timeoutMs, asBytes: true },
    );
    this.#push(readStreamReply(reply), new Map());
  }

  /** Claims as long as there is something to claim, and room for it. */
  async #takeOver(claim: () => ReturnType<RedisGroup['claimOfDead']>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      while (!this.#hasRoom() && !this.#stop.signal.aborted) await pause(BLOCK_MS, this.#stop.signal);
      const { entries, deliveries } = await claim();
      if (deliveries.size === 0) return;
      const suspects = [...deliveries].filter(([, count]) => count >= SUSPECT_FROM_DELIVERY).map(([id]) => id);
      this.#push(entries, await this.#group.suspicionsOf(suspects));
    }
  }

  #push(entries: readonly StreamEntry[], suspicions: ReadonlyMap<string, Suspicion>): void {
    const { depth, maxLineBytes } = this.#parts;
    const read: ReadEntry<string>[] = [];
    let bytes = 0;
    for (const { id, fields } of entries) {
      // An entry that is gone but pending: somebody trimmed the stream. There is nothing left to read.
      if (fields === undefined) continue;
      this.#known.add(id);
      const text = fieldOf(fields, 'line');
      const line =
        text === undefined
          ? { line: JSON.stringify(fields.map(String)), fault: 'is an entry without the field `line`' }
          : readEntryLine(text, maxLineBytes);
      const size = fields.reduce((sum, part) => sum + part.length, 0);
      bytes += size;
      read.push({ ...line, place: id, bytes: size, suspicion: suspicions.get(id) });
    }
    depth.noteSize(read.length, bytes);
    this.#buffer.push(read);
  }

  #hasRoom(): boolean {
    return this.#buffer.bytes < this.#parts.bufferBytes;
  }

  #fetchCount(): number {
    const room = this.#parts.bufferBytes - this.#buffer.bytes;
    return Math.max(1, Math.min(FETCH_ENTRIES, Math.ceil(room / Math.max(1, this.#parts.depth.lineBytes))));
  }

  async #handOut(entries: readonly ReadEntry<string>[]): Promise<QueueBatch> {
    const [first] = entries;
    const death = reasonToPutAside(first?.suspicion);
    this.#isApart = first?.suspicion !== undefined;
    if (this.#isApart && death === undefined) {
      try {
        await this.#group.mark(entries);
      } catch (error) {
        this.#buffer.putBack(entries);
        throw error;
      }
      this.#marked = entries.map(({ place }) => place);
    }
    const end = this.#acknowledger.note(entries.map(({ place }) => place));
    const lines: string[] = [];
    const unreadable: { reason: string; line: string }[] = [];
    for (const { line, fault } of entries) {
      const reason = death ?? fault;
      if (reason === undefined) lines.push(line);
      else unreadable.push({ reason, line });
    }
    return { lines, unreadable, end };
  }

  async #takeMarksOff(): Promise<void> {
    if (this.#marked.length === 0) return;
    await this.#group.unmark(this.#marked);
    this.#marked = [];
  }
}
