/** Merges and retires segments in the background, one change after another, whenever there may be something to do. */
import { dirname } from 'node:path';
import type { FieldInfo } from '../store.ts';
import type { Database } from './database.ts';
import { FieldCounter } from './field-counts.ts';
import { findUnreadable } from './find-unreadable.ts';
import type { Segment } from './manifest.ts';
import { chooseMerge, type MergeLimits } from './merge-segments.ts';
import { choosePromoted, promote } from './promotion.ts';
import { chooseRetirement, IS_NORMAL_SQL, lastMs, type RetentionLimits, type Retirement } from './retention.ts';
import type { SegmentIndexes } from './segment-index.ts';
import type { SegmentSet } from './segment-set.ts';
import { filesSql, Snapshot } from './snapshot.ts';
import type { InTurn } from './turns.ts';
import { writeSegment } from './write-segments.ts';

export interface UpkeepOptions {
  readonly directory: string;
  readonly database: Database;
  readonly segments: SegmentSet;
  readonly indexes: SegmentIndexes;
  readonly merge: MergeLimits;
  readonly retention: RetentionLimits;
  readonly clock: () => number;
  /** Keeps the writing of segments apart from other writing. */
  readonly writeInTurn: InTurn;
}

/** An hour becomes past, and an event too old, without anything being written. */
const WAKE_EVERY_MS = 60_000;
/** After a failure (no memory, no disk) nothing is tried for so long; doubled with each further one. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 30 * 60_000;
/** After failures, merges are this much smaller at least. */
const SMALLEST_SHARE = 1 / 64;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #timer: NodeJS.Timeout;
  /** Failures in a row, by what was tried. */
  readonly #failures = { merge: 0, retire: 0 };
  readonly #pausedToMs = { merge: 0, retire: 0 };
  #lastFailure: string | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.wake(), WAKE_EVERY_MS);
    this.#timer.unref();
  }

  /** Why the last merge or retirement failed; `undefined` where it didn't. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /** Begins to look for work, unless it is at it. */
  wake(): void {
    if (this.#isStopped || this.#running !== undefined) return;
    this.#running = this.#workThrough().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when the change that is under way is over; none is begun afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #workThrough(): Promise<void> {
    while (!this.#isStopped && ((await this.#tryRetire()) || (await this.#tryMerge()))) {
      // Each turn makes one change.
    }
  }

  #tryRetire(): Promise<boolean> {
    const { segments, retention, clock } = this.#options;
    if (clock() < this.#pausedToMs.retire) return Promise.resolve(false);
    const retirement = chooseRetirement(segments.segments(), clock(), retention);
    if (retirement === undefined) return Promise.resolve(false);
    return this.#attempt('retire', [retirement.segment], () => this.#retire(retirement));
  }

  #tryMerge(): Promise<boolean> {
    const { segments, merge, clock } = this.#options;
    if (clock() < this.#pausedToMs.merge) return Promise.resolve(false);
    // What failed for want of memory may succeed with half as much.
    const share = Math.max(SMALLEST_SHARE, 0.5 ** this.#failures.merge);
    const limits = { ...merge, maxRows: merge.maxRows * share, maxBytes: merge.maxBytes * share };
    const chosen = chooseMerge(segments.segments(), clock(), limits);
    if (chosen === undefined) return Promise.resolve(false);
    return this.#attempt('merge', chosen, () => this.#merge(chosen));
  }

  async #attempt(kind: 'merge' | 'retire', of: readonly Segment[], work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      // Slowly back: a merge of the full size that failed would fail again.
      if (this.#failures[kind] > 0) this.#failures[kind] -= 1;
      this.#lastFailure = undefined;
      return true;
    } catch (error) {
      this.#lastFailure = error instanceof Error ? error.message : String(error);
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures[kind]);
      this.#failures[kind] += 1;
      const setAside = await this.#setAsideUnreadable(of);
      if (!setAside) this.#pausedToMs[kind] = this.#options.clock() + pauseMs;
      return setAside;
    }
  }

  async #merge(chosen: readonly Segment[]): Promise<void> {
    const writtenMs = Math.max(...chosen.map((segment) => segment.writtenMs ?? segment.maxMs));
    const merged = await this.#rewrite(chosen, 'true', writtenMs);
    if (merged === undefined) return;
    const rows = chosen.reduce((sum, segment) => sum + segment.rows, 0);
    if (merged.rows !== rows) throw new Error(`a merge of ${rows} events wrote ${merged.rows}`);
    await this.#options.segments.replace(chosen, merged);
  }

  async #retire({ kind, segment }: Retirement): Promise<void> {
    const rest =
      kind === 'drop'
        ? undefined
        : await this.#rewrite([segment], `NOT ${IS_NORMAL_SQL}`, segment.writtenMs ?? segment.maxMs);
    if (kind === 'thin' && rest === undefined) return;
    const onlyNormal = kind === 'thin' || segment.normal === segment.rows;
    await this.#options.segments.retire(segment, rest, (retired) => ({
      ...retired,
      events: retired.events + segment.rows - (rest?.rows ?? 0),
      bytes: retired.bytes + Math.max(0, segment.bytes - (rest?.bytes ?? 0)),
      ...(onlyNormal
        ? { normalToMs: Math.max(retired.normalToMs ?? Number.NEGATIVE_INFINITY, lastMs(segment)) }
        : { allToMs: Math.max(retired.allToMs ?? Number.NEGATIVE_INFINITY, lastMs(segment)) }),
    }));
  }

  /** Writes the rows of segments that meet a condition as one; `undefined` where one of the segments is gone by now. */
  async #rewrite(chosen: readonly Segment[], condition: string, writtenMs: number): Promise<Segment | undefined> {
    const { directory, database, segments, indexes, writeInTurn } = this.#options;
    const paths = new Set(chosen.map(({ path }) => path));
    const snapshot = new Snapshot(
      [],
      segments.live().filter(({ segment }) => paths.has(segment.path)),
    );
    try {
      const [first] = snapshot.segments;
      if (first === undefined || snapshot.segments.length < chosen.length) return undefined;
      const files = filesSql(directory, snapshot.segments, ', union_by_name = true');
      const source = `(FROM ${files} WHERE ${condition})`;
      const folder = dirname(first.segment.path);
      const names = choosePromoted(segments.asked, fieldsOf(segments, paths));
      const texts = await indexes.unionOf(chosen);
      return await writeInTurn(() =>
        database.with(async (connection) => {
          const promoted = await promote(connection, source, chosen, names, segments.asked);
          return writeSegment(connection, directory, folder, source, writtenMs, { promoted, texts });
        }),
      );
    } finally {
      snapshot.release();
    }
  }

  async #setAsideUnreadable(chosen: readonly Segment[]): Promise<boolean> {
    const { directory, database, segments } = this.#options;
    try {
      const unreadable = await findUnreadable(database, directory, chosen);
      await segments.setAside(unreadable);
      return unreadable.length > 0;
    } catch {
      // The next query that meets the segment asks again.
      return false;
    }
  }
}

/** The attributes of the days to which segments belong. */
function fieldsOf(segments: SegmentSet, paths: ReadonlySet<string>): readonly FieldInfo[] {
  const counter = new FieldCounter();
  for (const day of segments.days.values())
    if (day.segments.some(({ path }) => paths.has(path))) counter.addCounts(day.fields);
  return counter.toFields();
}
