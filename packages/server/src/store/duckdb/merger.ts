/** Runs merges one after another in the background, whenever something may have become worth merging. */
import { dirname } from 'node:path';
import type { Database } from './database.ts';
import { findUnreadable } from './find-unreadable.ts';
import type { Segment } from './manifest.ts';
import { chooseMerge, type MergeLimits } from './merge-segments.ts';
import type { SegmentSet } from './segment-set.ts';
import { Snapshot, sourceSql } from './snapshot.ts';
import { writeSegment } from './write-segments.ts';

export interface MergerOptions {
  readonly directory: string;
  readonly database: Database;
  readonly segments: SegmentSet;
  readonly limits: MergeLimits;
  readonly clock: () => number;
}

export class Merger {
  readonly #options: MergerOptions;
  /** Segments whose merge failed: out of memory, say. They stay as they are until the next start. */
  readonly #failed = new Set<string>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: MergerOptions) {
    this.#options = options;
  }

  /** Begins to merge, unless it is at it. */
  wake(): void {
    if (this.#isStopped || this.#running !== undefined) return;
    this.#running = this.#mergeAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when the merge that is under way is over; none is begun afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #mergeAll(): Promise<void> {
    const { segments, limits, clock } = this.#options;
    while (!this.#isStopped) {
      const candidates = segments.segments().filter(({ path }) => !this.#failed.has(path));
      const chosen = chooseMerge(candidates, clock(), limits);
      if (chosen === undefined) return;
      try {
        await this.#merge(chosen);
      } catch {
        for (const { path } of chosen) this.#failed.add(path);
        await this.#setAsideUnreadable(chosen);
      }
    }
  }

  async #merge(chosen: readonly Segment[]): Promise<void> {
    const { directory, database, segments } = this.#options;
    const paths = new Set(chosen.map(({ path }) => path));
    const snapshot = new Snapshot(
      [],
      segments.live().filter(({ segment }) => paths.has(segment.path)),
    );
    try {
      const [first] = snapshot.segments;
      if (first === undefined || snapshot.segments.length < chosen.length) return;
      const source = sourceSql(directory, [], snapshot.segments);
      const folder = dirname(first.segment.path);
      const merged = await database.with((connection) => writeSegment(connection, directory, folder, source));
      const rows = chosen.reduce((sum, segment) => sum + segment.rows, 0);
      if (merged.rows !== rows) throw new Error(`a merge of ${rows} events wrote ${merged.rows}`);
      await segments.replace(chosen, merged);
    } finally {
      snapshot.release();
    }
  }

  async #setAsideUnreadable(chosen: readonly Segment[]): Promise<void> {
    const { directory, database, segments } = this.#options;
    try {
      await segments.setAside(await findUnreadable(database, directory, chosen));
    } catch {
      // The next query that meets the segment asks again.
    }
  }
}
