/**
 * A lane: one route over one spool. It reads batches, starts them (as many at once as the route has slots), and moves the
 * durable cursor over what is finished without a gap.
 *
 * A batch that holds a ledger line waits until every batch before it is finished, where the route has a sink that takes
 * the ledger. So when a server reads `sequence: N`, every event up to N has been delivered by this route, or is dead or
 * dropped: a hole below N is a loss, and not something on its way.
 */
import { comparePositions, type Position } from '../spool/position.ts';
import type { SpoolBatch, SpoolReader } from '../spool/types.ts';
import { backoffMs } from './backoff.ts';
import { Bell } from './bell.ts';
import { sleep } from './clock.ts';
import { deliverLines } from './deliver-lines.ts';
import { FinishedPrefix, type Ticket } from './finished-prefix.ts';
import { mayHoldLedgerLine } from './line-kinds.ts';
import type { ReportDesk } from './report-desk.ts';
import type { Bury, Route } from './route.ts';

/** How often an idle lane looks whether the spool has grown, in case that nobody rings: from the first to the second. */
const POLL_MS = { first: 25, longest: 250 };
/** How far a lane reads ahead of a batch that doesn't end: what is redone after a crash stays bounded. */
const WINDOW_BATCHES = 100;
/** So much behind a short batch is worth a batch of its own. */
const ENOUGH_BYTES = 64 * 1024;
const FAULT_BACKOFF = { initialMs: 100, maxMs: 5000 };

export interface LaneParts {
  readonly route: Route;
  readonly spoolName: string;
  readonly bury: Bury;
  readonly openReader: () => SpoolReader | Promise<SpoolReader>;
  /** Rings when the spool has grown. */
  readonly grown: Bell;
  readonly desk: ReportDesk;
}

export class Lane {
  readonly route: Route;
  readonly #parts: LaneParts;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** Rings when a batch has ended or the cursor has moved. */
  readonly #progress = new Bell();
  /** Rings when nobody should wait for fuller batches. */
  readonly #hurry = new Bell();
  readonly #jobs = new Set<Promise<void>>();
  #reader: SpoolReader | undefined;
  #finished = new FinishedPrefix({ segment: 0, offset: 0 });
  #startedBytes = 0;
  #committedTo: Position = { segment: 0, offset: 0 };
  #committedBytes = 0;
  #isCommitQueued = false;
  #committing: Promise<void> = Promise.resolve();
  /** Flushes that wait now: they don't wait for fuller batches. */
  #flushes = 0;
  /** How often the end of the spool was seen, and how many bytes were started by then. */
  #endsSeen = 0;
  #bytesAtEnd = 0;

  constructor(parts: LaneParts) {
    this.route = parts.route;
    this.#parts = parts;
    this.#ended = this.#run();
  }

  get batchesUnderWay(): number {
    return this.#jobs.size;
  }

  backlogBytes(): Promise<number> {
    return this.#reader?.backlogBytes() ?? Promise.resolve(0);
  }

  /** Resolves true when all that is in the spool now is delivered or dead and the cursor is past it; false when `signal` aborts first. */
  async flush(signal: AbortSignal): Promise<boolean> {
    const endsSeen = this.#endsSeen;
    // Two ways to know: the end of the spool is seen, or (under traffic without end) the bytes are counted.
    const committed = this.#committedBytes;
    const unknown = Number.POSITIVE_INFINITY;
    const backlog = (await this.#reader?.backlogBytes().catch(() => unknown)) ?? unknown;
    let target = committed + backlog;
    this.#flushes += 1;
    this.#hurry.ring();
    this.#parts.grown.ring();
    try {
      for (;;) {
        const heard = this.#progress.rings;
        if (this.#endsSeen > endsSeen) target = Math.min(target, this.#bytesAtEnd);
        if (this.#committedBytes >= target) {
          // Or the process that ends after its flush leaves an old cursor, and the next one sends it all again.
          await this.#reader?.persist().catch(() => {});
          return true;
        }
        if (signal.aborted || this.#stop.signal.aborted) return false;
        await this.#progress.waitAfter(heard, this.route.clock, POLL_MS.longest, signal);
      }
    } finally {
      this.#flushes -= 1;
    }
  }

  /** Stops: calls off what is under way, moves the cursor over what is finished, closes the reader. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const reader = await this.#open();
    if (reader === undefined) return;
    const { route, grown } = this.#parts;
    const stop = this.#stop.signal;
    let pollMs = POLL_MS.first;
    while (!stop.aborted) {
      await this.#waitUntil(() => this.#finished.pending < WINDOW_BATCHES);
      await route.slots.take();
      const heard = grown.rings;
      const hurried = this.#hurry.rings;
      const batch = stop.aborted ? undefined : await this.#read(reader);
      if (batch === undefined) {
        route.slots.giveBack();
        await grown.waitAfter(heard, route.clock, pollMs, stop);
        pollMs = Math.min(pollMs * 2, POLL_MS.longest);
        continue;
      }
      pollMs = POLL_MS.first;
      const bytes = batch.unreadable.reduce((sum, line) => sum + line.bytes.length + 1, batch.body.length);
      const ticket = this.#finished.start(batch.to, bytes);
      this.#startedBytes += bytes;
      if (route.takesLedger && mayHoldLedgerLine(batch.body))
        await this.#waitUntil(() => this.#finished.isFirst(ticket));
      this.#startJob(reader, batch, ticket);
      if (this.#flushes === 0 && !this.#isFull(batch) && !(await this.#isMoreBehind(reader))) {
        await this.#hurry.waitAfter(hurried, route.clock, route.limits.waitMs, stop);
      }
    }
    await Promise.all(this.#jobs);
    await this.#commit(reader);
    await reader.close().catch(() => {});
  }

  async #open(): Promise<SpoolReader | undefined> {
    const { spoolName, openReader, desk, route } = this.#parts;
    for (let failures = 1; !this.#stop.signal.aborted; failures += 1) {
      try {
        const reader = await openReader();
        this.#finished = new FinishedPrefix(reader.cursor());
        this.#committedTo = reader.cursor();
        this.#reader = reader;
        return reader;
      } catch (error) {
        desk.tellOnce(
          'spool_unreadable',
          `route ${route.name} can't open spool ${spoolName}, and tries again: ${error}`,
        );
        await sleep(route.clock, backoffMs(failures, FAULT_BACKOFF), this.#stop.signal);
      }
    }
    return undefined;
  }

  async #read(reader: SpoolReader): Promise<SpoolBatch | undefined> {
    try {
      const batch = await reader.read(this.route.limits);
      if (batch !== undefined) return batch;
      this.#endsSeen += 1;
      this.#bytesAtEnd = this.#startedBytes;
      this.#progress.ring();
    } catch (error) {
      const { desk, route, spoolName } = this.#parts;
      desk.tellOnce('spool_unreadable', `route ${route.name} can't read spool ${spoolName}, and tries again: ${error}`);
    }
    return undefined;
  }

  #startJob(reader: SpoolReader, batch: SpoolBatch, ticket: Ticket): void {
    const job = this.#deliver(batch).then((isDone) => {
      this.#jobs.delete(job);
      this.route.slots.giveBack();
      if (isDone && this.#finished.finish(ticket)) void this.#commit(reader);
      this.#progress.ring();
    });
    this.#jobs.add(job);
  }

  /** Never rejects; false only where delivery stops. */
  async #deliver(batch: SpoolBatch): Promise<boolean> {
    const { route, desk, bury } = this.#parts;
    const stop = this.#stop.signal;
    const unreadable = batch.unreadable.map(({ reason, bytes }) => ({ reason, line: bytes }));
    for (let failures = 1; !stop.aborted; failures += 1) {
      try {
        if (unreadable.length > 0 && !(await bury('spool', unreadable, stop))) return false;
        unreadable.length = 0;
        return await deliverLines(route, batch, bury, stop);
      } catch (error) {
        // A fault of the engine itself must cost neither the batch nor the lane.
        desk.tellOnce('delivery_fault', `route ${route.name} repeats a batch after a fault: ${error}`);
        await sleep(route.clock, backoffMs(failures, FAULT_BACKOFF), stop);
      }
    }
    return false;
  }

  /** One commit at a time; those that are asked for meanwhile become one. Never rejects. */
  #commit(reader: SpoolReader): Promise<void> {
    if (!this.#isCommitQueued) {
      this.#isCommitQueued = true;
      this.#committing = this.#committing.then(() => {
        this.#isCommitQueued = false;
        return this.#moveCursor(reader);
      });
    }
    return this.#committing;
  }

  async #moveCursor(reader: SpoolReader): Promise<void> {
    for (let failures = 1; comparePositions(this.#finished.end, this.#committedTo) > 0; failures += 1) {
      const { end, finishedBytes } = this.#finished;
      try {
        await reader.commit(end);
        this.#committedTo = end;
        this.#committedBytes = finishedBytes;
        this.#progress.ring();
        return;
      } catch (error) {
        const { desk, route, spoolName } = this.#parts;
        desk.tellOnce('cursor_unwritable', `route ${route.name} can't move its cursor in spool ${spoolName}: ${error}`);
        // Stopping, it leaves the cursor where it is: what is delivered twice is told apart by its id.
        if (this.#stop.signal.aborted) return;
        await sleep(route.clock, backoffMs(failures, FAULT_BACKOFF), this.#stop.signal);
      }
    }
  }

  async #waitUntil(holds: () => boolean): Promise<void> {
    for (;;) {
      const heard = this.#progress.rings;
      if (holds() || this.#stop.signal.aborted) return;
      await this.#progress.waitAfter(heard, this.route.clock, 1000, this.#stop.signal);
    }
  }

  #isFull(batch: SpoolBatch): boolean {
    const { maxLines, maxBytes } = this.route.limits;
    return batch.lines.length >= maxLines || batch.body.length >= maxBytes / 2;
  }

  /** True where a short batch was no sign of the end: there is enough behind it to go on at once. */
  async #isMoreBehind(reader: SpoolReader): Promise<boolean> {
    const underWay = this.#startedBytes - this.#committedBytes;
    const backlog = await reader.backlogBytes().catch(() => 0);
    return backlog - underWay >= Math.min(this.route.limits.maxBytes / 4, ENOUGH_BYTES);
  }
}
