/**
 * The delivery engine: brings what is in a spool to the sinks.
 *
 * It runs in a worker thread (`worker.ts`), or inline where there is none; the application's thread never waits for it.
 * It knows spools only by their readers, and sinks only by their contract.
 *
 * The parts. A *route* (`route.ts`) is a chain of sinks with its limits and counters. A *lane* (`lane.ts`) is one route
 * over one spool: the spool of this process, and those of dead processes that were adopted. Each lane has its own durable
 * cursor. Routes share nothing but the thread, so a sink that hangs holds up its own route and no other.
 *
 * The life of a batch. The lane reads it: at most so many lines and bytes; after a batch that wasn't full it waits a
 * little for a fuller one. Up to `concurrency` batches of a route are under way at once. A batch goes to the first sink
 * of the route that may be tried (`deliver-lines.ts`), through that sink's gate (`sink-gate.ts`: breaker, pause, time
 * limit). The sink answers with data: delivered, try again, refused, or a mix of these by line. Lines to try again wait
 * with exponential back-off and full jitter, and only they are sent again. After `retry.attempts` failures, or while the
 * sink's breaker is open, the batch goes on to the next sink; after the last one the round begins anew, for ever. New
 * batches always look at the first sink first, so a fallback ends by itself. Refused lines become dead letters.
 *
 * The cursor rule. A cursor moves over a batch when each of its lines is delivered, a dead letter on the device, or
 * counted as skipped; and only over batches before which nothing is open (`finished-prefix.ts`). Nothing else moves it:
 * to stop is to call off what is under way and leave it in the spool. So what breaks, at whatever moment, makes
 * duplicates at most, and each event carries an id by which the server tells them.
 *
 * Lines that aren't for everybody. Ledger lines go only to sinks that take them, in order (see `lane.ts`). An event about
 * a sink's own failure isn't fed back into it.
 *
 * What is bounded: batches under way, how far a lane reads ahead, sends that hang, dead letters on disk, reports (a few
 * a second). What isn't tried for a limited time only: the last sink of a route. An outage is a longer spool; the spool
 * has its own bound.
 *
 * Breaker, back-off and time limits are some 150 lines here, not a library: the policies of cockatiel 3.2 can't call off a
 * back-off (closing would wait for it), read the wall clock (a step back holds a breaker open), don't say when a breaker
 * will admit again, and know success and failure but not a batch of which a part is left.
 */
import type { SpoolReader } from '../spool/types.ts';
import { Bell } from './bell.ts';
import type { Clock } from './clock.ts';
import { DeadLetterReader, takeDeadLetterFiles } from './dead-letter-replay.ts';
import { Lane } from './lane.ts';
import type { ReportDesk } from './report-desk.ts';
import type { Route } from './route.ts';
import type { ReplayResult, RouteStats } from './types.ts';

/** A spool to deliver from. */
export interface SpoolSource {
  readonly name: string;
  /** True for the spool of this process, which still grows. */
  readonly isOwn: boolean;
  openReader(route: string): SpoolReader | Promise<SpoolReader>;
  /**
   * All of it is delivered: adds what is still to be said of it, at its end. True where there is now more to deliver. Asked
   * once, and not of the spool of this process.
   */
  addLastLine?(): Promise<boolean>;
  /** Delivery from it has ended: it may go where everything in it is delivered, else it is left to the next one. */
  end(isDelivered: boolean): Promise<void>;
}

export interface EngineParts {
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly desk: ReportDesk;
  /** The folder of the dead letters; without one they aren't kept. */
  readonly deadRoot: string | undefined;
  /** Called when a lane of this process's spool has nothing to read and begins to wait for a wake. */
  readonly onIdle?: (() => void) | undefined;
}

export class Engine {
  readonly #parts: EngineParts;
  readonly #spools = new Map<SpoolSource, readonly Lane[]>();
  readonly #grown: Bell;
  readonly #replays = new Map<string, Lane>();
  #isClosing = false;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#grown = new Bell(parts.onIdle);
  }

  /** Begins to deliver from a spool. The spool of a dead process is ended as soon as it is delivered. */
  add(spool: SpoolSource): void {
    if (this.#isClosing) {
      void this.#end(spool, false);
      return;
    }
    const lanes = this.#parts.routes.map(
      (route) =>
        new Lane({
          route,
          spoolName: spool.name,
          bury: (sink, dead, stop) => route.bury(sink, dead, stop),
          openReader: () => spool.openReader(route.name),
          grown: spool.isOwn ? this.#grown : new Bell(),
          desk: this.#parts.desk,
        }),
    );
    this.#spools.set(spool, lanes);
    if (!spool.isOwn) void this.#endWhenDelivered(spool, lanes);
  }

  wake(): void {
    this.#grown.ring();
  }

  /** Resolves true when what this process has spooled by now is delivered or dead on every route, false at the time-out. */
  async flush(timeoutMs: number): Promise<boolean> {
    const own = [...this.#spools].flatMap(([spool, lanes]) => (spool.isOwn ? lanes : []));
    const flushed = await this.#withTimeout(timeoutMs, (signal) => Promise.all(own.map((lane) => lane.flush(signal))));
    this.#parts.desk.flush();
    return flushed.every(Boolean);
  }

  /** Delivers until the time is over, then stops and leaves the rest in the spools. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const isDelivered = await this.flush(timeoutMs);
    for (const [spool, lanes] of this.#spools) {
      await Promise.all(lanes.map((lane) => lane.stop()));
      this.#spools.delete(spool);
      await this.#end(spool, isDelivered && spool.isOwn);
    }
    await Promise.all([...this.#replays.values()].map((lane) => lane.stop()));
    for (const route of this.#parts.routes) route.stop();
    const gates = this.#parts.routes.flatMap((route) => route.gates);
    await Promise.all(gates.map((gate) => gate.close()));
    this.#parts.desk.flush();
  }

  /**
   * Sends a route's dead letters again; those that are refused again are dead letters again, in a new file.
   *
   * @throws RangeError where there is no such route, or it is replaying already.
   */
  async replayDeadLetters(name: string, timeoutMs: number): Promise<ReplayResult> {
    const route = this.#parts.routes.find((route) => route.name === name);
    if (route === undefined) throw new RangeError(`there is no route ${JSON.stringify(name)} here`);
    if (this.#replays.has(name)) throw new RangeError(`route ${name} is replaying its dead letters already`);
    const { deadRoot, desk } = this.#parts;
    if (deadRoot === undefined) return { replayed: 0, deadAgain: 0, isComplete: true };
    let reader: DeadLetterReader | undefined;
    let deadAgain = 0;
    const lane = new Lane({
      route,
      spoolName: `of dead letters of ${name}`,
      bury: async (sink, dead, stop) => {
        const again = dead.map((line) => ({ ...line, before: reader?.letterOf(line.line) }));
        const isBuried = await route.buryAgain(sink, again, stop);
        if (isBuried) deadAgain += dead.length;
        return isBuried;
      },
      openReader: async () => {
        reader = new DeadLetterReader(await takeDeadLetterFiles(deadRoot, name));
        return reader;
      },
      grown: new Bell(),
      desk,
    });
    this.#replays.set(name, lane);
    const isComplete = await this.#withTimeout(timeoutMs, (signal) => lane.flush(signal));
    await lane.stop();
    this.#replays.delete(name);
    return { replayed: reader?.replayed ?? 0, deadAgain, isComplete };
  }

  async stats(): Promise<readonly RouteStats[]> {
    const lanes = [...this.#spools.values()].flat();
    return Promise.all(
      this.#parts.routes.map(async (route) => {
        const own = lanes.filter((lane) => lane.route === route);
        const backlogs = await Promise.all(own.map((lane) => lane.backlogBytes().catch(() => 0)));
        return route.stats(
          backlogs.reduce((sum, bytes) => sum + bytes, 0),
          own.reduce((sum, lane) => sum + lane.batchesUnderWay, 0),
        );
      }),
    );
  }

  async #endWhenDelivered(spool: SpoolSource, lanes: readonly Lane[]): Promise<void> {
    const flush = async () => {
      const flushed = await Promise.all(lanes.map((lane) => lane.flush(NEVER)));
      return flushed.every(Boolean);
    };
    let isDelivered = await flush();
    if (!isDelivered || !this.#spools.has(spool)) return;
    try {
      if (await spool.addLastLine?.()) isDelivered = await flush();
    } catch (error) {
      isDelivered = false;
      this.#parts.desk.tellOnce('spool_not_ended', `the last line of spool ${spool.name} can't be written: ${error}`);
    }
    if (!this.#spools.has(spool)) return;
    await Promise.all(lanes.map((lane) => lane.stop()));
    this.#spools.delete(spool);
    await this.#end(spool, isDelivered);
  }

  async #withTimeout<T>(timeoutMs: number, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const cancel = this.#parts.clock.after(timeoutMs, () => abort.abort());
    try {
      return await fn(abort.signal);
    } finally {
      cancel();
    }
  }

  async #end(spool: SpoolSource, isDelivered: boolean): Promise<void> {
    try {
      await spool.end(isDelivered);
    } catch (error) {
      this.#parts.desk.tellOnce('spool_not_ended', `spool ${spool.name} could not be given back: ${error}`);
    }
  }
}

const NEVER = new AbortController().signal;
