/**
 * A broker with this machine's disk behind it: `queue → database → file`, and 503 after that.
 *
 *   publish ─► broker                        while it is up, and nothing waits in the spool
 *           └► spool (on disk)               else: the answer to the sender stays true
 *   spool   ─► broker, by the forwarder      as soon as it takes lines again, in order
 *           └► store, by the writer          while it is down, and this process can reach a store
 *
 * A breaker says whether the broker is up. No request waits for a broker that is given up: once the breaker is open, only
 * the forwarder tries it, with lines of the spool. While the breaker is open the spool is the writer's to read; when a try
 * is due it is the forwarder's. Each goes on where the spool's acknowledged place is: what the writer has read and not yet
 * committed is sent to the broker once more, and is dropped as a double by whoever stores it. So are lines of a publish that
 * failed and had been taken all the same.
 *
 * Memory and stderr are no stages here: they would break the promise of the answer. A full spool is answered with 503, and
 * the sender's own spool is the next stage.
 */
import { Breaker, type BreakerOptions, type Clock } from 'tailrace/delivery';
import { comparePositions, parsePosition } from 'tailrace/spool';
import { type CheckedLine, type Queue, type QueueBatch, QueueFullError, type QueueStats } from '../queue/queue.ts';
import type { Unusable } from '../sources/bury.ts';
import { pause, reasonOf } from '../writer/perseverance.ts';
import { formatPlaces, readPlaces } from './places.ts';
import { refusedLines } from './refused-lines.ts';
import { Turns } from './turns.ts';

export interface FallbackQueueOptions {
  readonly broker: Queue;
  readonly spool: Queue;
  /** True where a writer of this process reads what others publish to the broker. */
  readonly readsBroker: boolean;
  /** True where a writer of this process can take the spool's lines to a store while the broker is down. */
  readonly hasStore: boolean;
  readonly breaker: BreakerOptions;
  readonly clock: Clock;
  /** Lines that the broker will never take. */
  readonly bury: (lines: readonly Unusable[]) => Promise<void>;
  /** What is up has changed, perhaps. */
  readonly onChange: () => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** The time of day, in milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

const FORWARD_LINES = 2000;
const POLL_MS = 250;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

export class FallbackQueue implements Queue {
  readonly placeIn = 'broker';
  readonly #options: FallbackQueueOptions;
  readonly #breaker: Breaker;
  readonly #stop = new AbortController();
  /** Reading, seeking and acknowledging the spool: one at a time. */
  readonly #turns = new Turns();
  #isDrained = false;
  #isFull = false;
  /** Publishes to the spool so far: the forwarder's "nothing is left" holds only if there was none meanwhile. */
  #spooled = 0;
  /** The spool's place up to which everything is with the broker or in the store. */
  #acknowledged: string | undefined;
  /** True where the writer has lines of the spool that it has not acknowledged. */
  #isWriterAhead = false;
  #brokerEnd: string | undefined;
  #spoolEnd: string | undefined;
  /** The last places that the writer has acknowledged. */
  #spoolSettled: string | undefined;
  #brokerAcknowledged: string | undefined;
  #readFailure: string | undefined;
  /** What the forwarder gave to the broker: published after the one time, and with the broker before the other. */
  #forwarded: { readonly sinceMs: number; readonly untilMs: number } | undefined;
  #forwarding: Promise<void> = Promise.resolve();

  constructor(options: FallbackQueueOptions) {
    this.#options = options;
    this.#breaker = new Breaker(options.breaker, options.clock);
  }

  start(): void {
    this.#forwarding = this.#forward();
  }

  /** The broker takes lines, and none wait for it. */
  get isBrokerUp(): boolean {
    const { state } = this.#breaker;
    return state === 'closed' || (state === 'half-open' && this.#isDrained);
  }

  /** True where everything that was put aside is with the broker or in the store. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** False from a refusal until lines are taken again. */
  get hasRoom(): boolean {
    return !this.#isFull;
  }

  /** What waits on disk. */
  get waiting(): QueueStats {
    return this.#options.spool.stats();
  }

  /** Why the broker can't be read, while it can't. */
  get readFailure(): string | undefined {
    return this.#readFailure;
  }

  async publish(lines: readonly string[], checked?: readonly (CheckedLine | undefined)[]): Promise<void> {
    if (this.#isDrained && this.#breaker.state !== 'open' && (await this.#tryBroker(lines))) return;
    try {
      this.#isDrained = false;
      this.#spooled += 1;
      await this.#options.spool.publish(lines, checked);
      this.#setFull(false);
    } catch (error) {
      this.#setFull(error instanceof QueueFullError);
      throw error;
    }
  }

  async seek(): Promise<void> {}

  async read(maxLines: number, waitMs: number, signal: AbortSignal, isMore = false): Promise<QueueBatch> {
    if (this.#isWritersTurn()) return this.#readSpool(maxLines, Math.min(waitMs, POLL_MS), signal);
    const { broker, readsBroker, log } = this.#options;
    if (!readsBroker) {
      await pause(Math.min(waitMs, POLL_MS), signal);
      return this.#nothing();
    }
    try {
      const batch = await broker.read(maxLines, waitMs, signal, isMore);
      if (this.#readFailure !== undefined) log('info', 'reading the broker works again');
      this.#readFailure = undefined;
      this.#brokerEnd = batch.end;
      return { ...batch, end: this.#end() };
    } catch (error) {
      const failure = `reading the broker failed: ${reasonOf(error)}`;
      if (this.#readFailure === undefined) log('error', `${failure}; trying again until it works`);
      this.#readFailure = failure;
      await pause(POLL_MS, signal);
      return this.#nothing();
    }
  }

  async acknowledge(position: string): Promise<void> {
    const { broker: brokerEnd, spool: spoolEnd } = readPlaces(position);
    if (spoolEnd !== undefined && spoolEnd !== this.#spoolSettled) {
      await this.#turns.take(async () => {
        await this.#acknowledgeSpool(spoolEnd);
        this.#spoolSettled = spoolEnd;
        if (spoolEnd === this.#spoolEnd) this.#isWriterAhead = false;
      });
    }
    if (brokerEnd === undefined || brokerEnd === this.#brokerAcknowledged) return;
    await this.#options.broker.acknowledge(brokerEnd);
    this.#brokerAcknowledged = brokerEnd;
  }

  stats(): QueueStats {
    const broker = this.#options.broker.stats();
    const spool = this.#options.spool.stats();
    return {
      depthBytes: broker.depthBytes + spool.depthBytes,
      ageSeconds: Math.max(broker.ageSeconds, spool.ageSeconds),
      passedMs: Math.min(broker.passedMs, spool.passedMs, this.#forwardedSinceMs(broker.passedMs)),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#forwarding;
    await this.#options.spool.close();
    await this.#options.broker.close();
  }

  /** What was put aside is older than the broker makes it, until that has passed it, too. */
  #forwardedSinceMs(brokerPassedMs: number): number {
    if (this.#forwarded !== undefined && brokerPassedMs > this.#forwarded.untilMs) this.#forwarded = undefined;
    return this.#forwarded?.sinceMs ?? Number.POSITIVE_INFINITY;
  }

  #isWritersTurn(): boolean {
    const { hasStore, clock } = this.#options;
    return hasStore && this.#breaker.state === 'open' && clock.now() < this.#breaker.admitsAt;
  }

  #readSpool(maxLines: number, waitMs: number, signal: AbortSignal): Promise<QueueBatch> {
    return this.#turns.take(async () => {
      if (!this.#isWritersTurn()) return this.#nothing();
      const batch = await this.#options.spool.read(maxLines, waitMs, signal);
      if (batch.lines.length === 0 && batch.unreadable.length === 0) return this.#nothing();
      this.#isWriterAhead = true;
      this.#spoolEnd = batch.end;
      return { ...batch, end: this.#end() };
    });
  }

  #end(): string {
    return formatPlaces({ broker: this.#brokerEnd, spool: this.#spoolEnd });
  }

  #nothing(): QueueBatch {
    return { lines: [], unreadable: [], end: this.#end() };
  }

  /** True where the broker has the lines, or they became dead letters. */
  async #tryBroker(lines: readonly string[]): Promise<boolean> {
    if (!this.#breaker.enter()) return false;
    try {
      await this.#options.broker.publish(lines);
      this.#breaker.succeeded();
    } catch (error) {
      const refused = refusedLines(error, lines);
      if (refused.length === 0) {
        this.#breaker.failed();
        this.#options.onChange();
        this.#options.log('warn', `the broker did not take ${lines.length} lines: ${reasonOf(error)}`);
        return false;
      }
      // It answers, so it is up.
      this.#breaker.succeeded();
      await this.#options.bury(refused);
    }
    this.#options.onChange();
    return true;
  }

  /** Empties the spool to the broker, whenever there is something in it and the broker may be tried. */
  async #forward(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const outcome = await this.#turns
        .take(() => this.#forwardBatch())
        .catch((error: unknown) => {
          this.#options.log('error', `the spool before the broker: ${reasonOf(error)}`);
          return 'failed' as const;
        });
      if (outcome === 'sent') pauseMs = FIRST_PAUSE_MS;
      else if (outcome === 'failed') {
        await pause(pauseMs, signal);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      } else if (outcome === 'not now') await pause(FIRST_PAUSE_MS, signal);
    }
  }

  async #forwardBatch(): Promise<'sent' | 'empty' | 'failed' | 'not now'> {
    const { spool, clock } = this.#options;
    if (this.#breaker.state === 'open' && clock.now() < this.#breaker.admitsAt) return 'not now';
    if (this.#isWriterAhead) await this.#rewind();
    const spooled = this.#spooled;
    const batch = await spool.read(FORWARD_LINES, this.#isDrained ? POLL_MS : 0, this.#stop.signal);
    if (batch.lines.length === 0 && batch.unreadable.length === 0) {
      if (!this.#isDrained && spooled === this.#spooled) {
        this.#isDrained = true;
        this.#options.onChange();
      }
      return 'empty';
    }
    this.#isDrained = false;
    if (batch.unreadable.length > 0) await this.#options.bury(batch.unreadable);
    const sinceMs = Math.min(spool.stats().passedMs, this.#forwarded?.sinceMs ?? Number.POSITIVE_INFINITY);
    if (batch.lines.length > 0 && !(await this.#tryBroker(batch.lines))) {
      await this.#rewind();
      return 'failed';
    }
    this.#forwarded = { sinceMs, untilMs: (this.#options.now ?? Date.now)() };
    await this.#acknowledgeSpool(batch.end);
    return 'sent';
  }

  /** Reading begins again behind what is acknowledged. */
  async #rewind(): Promise<void> {
    await this.#options.spool.seek(this.#acknowledged);
    this.#isWriterAhead = false;
  }

  async #acknowledgeSpool(end: string): Promise<void> {
    if (this.#acknowledged !== undefined && isBefore(end, this.#acknowledged)) return;
    await this.#options.spool.acknowledge(end);
    this.#acknowledged = end;
  }

  #setFull(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#options.onChange();
  }
}

function isBefore(a: string, b: string): boolean {
  const [first, second] = [parsePosition(a), parsePosition(b)];
  return first !== undefined && second !== undefined && comparePositions(first, second) < 0;
}
