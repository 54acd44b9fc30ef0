/** The segments of a store: the manifest on disk, and what queries may read of it. Changes go one after another. */
import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../store.ts';
import { isMissing, removeFile, syncDirectory } from './durable-files.ts';
import { FieldCounter, scaleCounts } from './field-counts.ts';
import type { Unreadable } from './find-unreadable.ts';
import { type Day, type Manifest, ManifestFiles, type Quarantined, type Retired, type Segment } from './manifest.ts';
import { Readers } from './readers.ts';
import { indexPath, removeSegment } from './segment-index.ts';
import type { LiveSegment } from './snapshot.ts';
import type { WrittenSegment } from './write-segments.ts';

/** The manifest remembers this many segments that were set aside. */
const MAX_QUARANTINED = 200;
const MAX_ASKED = 64;

export class SegmentSet {
  readonly #directory: string;
  readonly #files: ManifestFiles;
  readonly #live = new Map<string, LiveSegment>();
  #retired: Retired;
  #asked: readonly string[];
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, files: ManifestFiles) {
    this.#directory = directory;
    this.#files = files;
    this.#retired = files.current.retired;
    this.#asked = files.current.asked;
    for (const day of files.current.days.values()) for (const segment of day.segments) this.#add(segment);
  }

  /** Reads the manifest, and removes the files that it doesn't name. */
  static async open(directory: string): Promise<SegmentSet> {
    const files = await ManifestFiles.open(directory);
    await files.removeOrphans();
    return new SegmentSet(directory, files);
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#files.current.checkpoint;
  }

  get quarantined(): readonly Quarantined[] {
    return this.#files.current.quarantined;
  }

  get days(): ReadonlyMap<string, Day> {
    return this.#files.current.days;
  }

  live(): readonly LiveSegment[] {
    return [...this.#live.values()];
  }

  segments(): readonly Segment[] {
    return this.live().map(({ segment }) => segment);
  }

  /**
   * Takes new segments in, together with the checkpoint.
   *
   * @param swapped is called in the same turn in which queries begin to see the segments
   */
  commit(
    written: readonly WrittenSegment[],
    fields: FieldCounter,
    checkpoint: Checkpoint,
    swapped: () => void,
  ): Promise<void> {
    return this.#change(async (manifest) => {
      await this.#files.replace({ ...manifest, checkpoint, days: addToDays(manifest.days, written, fields) });
      for (const { segment } of written) this.#add(segment);
      swapped();
    });
  }

  /** Attributes that queries used, latest first. */
  get asked(): readonly string[] {
    return this.#asked;
  }

  /** Remembers them, in the manifest from its next change on. */
  noteAsked(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#asked = [...new Set([...names, ...this.#asked])].slice(0, MAX_ASKED);
  }

  /** Changes in the same turn as what queries see. */
  get retired(): Retired {
    return this.#retired;
  }

  /** Puts a segment in the place of those that it was made of; false where one of them is gone by now. */
  replace(old: readonly Segment[], made: Segment): Promise<boolean> {
    return this.#replace(old, made, (retired) => retired);
  }

  /**
   * Takes a segment out for good, or puts what is left of it in its place.
   *
   * @param addTo the account of what was retired, with this
   */
  retire(old: Segment, rest: Segment | undefined, addTo: (retired: Retired) => Retired): Promise<boolean> {
    return this.#replace([old], rest, addTo);
  }

  #replace(old: readonly Segment[], made: Segment | undefined, addTo: (retired: Retired) => Retired): Promise<boolean> {
    return this.#change(async (manifest) => {
      if (!old.every(({ path }) => this.#live.has(path))) {
        if (made !== undefined) await removeSegment(this.#directory, made);
        return false;
      }
      const replaced = new Set(old.map(({ path }) => path));
      const days = mapDays(manifest.days, (day) => {
        const kept = day.segments.filter(({ path }) => !replaced.has(path));
        if (kept.length === day.segments.length) return day;
        return { ...day, segments: made === undefined ? kept : [...kept, made] };
      });
      const retired = addTo(manifest.retired);
      await this.#files.replace({ ...manifest, days, retired });
      this.#retired = retired;
      if (made !== undefined) this.#add(made);
      for (const { path } of old) this.#unlinkWhenUnread(path);
      return true;
    });
  }

  /** Takes segments out that can't be read, and keeps their files in `quarantine/`. */
  setAside(unreadable: readonly Unreadable[]): Promise<void> {
    return this.#change(async (manifest) => {
      const found = unreadable.filter(({ segment }) => this.#live.has(segment.path));
      if (found.length === 0) return;
      const gone = new Set(found.map(({ segment }) => segment.path));
      const days = mapDays(manifest.days, (day) => {
        const kept = day.segments.filter(({ path }) => !gone.has(path));
        return kept.length === day.segments.length ? day : { ...day, segments: kept };
      });
      const entries = found.map(({ segment, reason }) => ({
        segment: segment.path,
        reason,
        rows: segment.rows,
        minMs: segment.minMs,
        maxMs: segment.maxMs,
      }));
      const quarantined = [...manifest.quarantined, ...entries].slice(-MAX_QUARANTINED);
      await this.#files.replace({ ...manifest, days, quarantined });
      for (const path of gone) {
        this.#live.delete(path);
        await this.#moveToQuarantine(path);
        await removeFile(join(this.#directory, indexPath(path)));
      }
    });
  }

  /** Resolves when the changes that were begun are over. */
  async settled(): Promise<void> {
    await this.#changing;
  }

  async #moveToQuarantine(path: string): Promise<void> {
    const folder = join(this.#directory, 'quarantine');
    await mkdir(folder, { recursive: true });
    // The name alone says neither day nor hour.
    const name = `${dirname(path).replaceAll('/', '_')}_${basename(path)}`;
    try {
      await rename(join(this.#directory, path), join(folder, name));
      await syncDirectory(folder);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  #add(segment: Segment): void {
    const readers = new Readers(() => removeSegment(this.#directory, segment));
    this.#live.set(segment.path, { segment, readers });
  }

  #unlinkWhenUnread(path: string): void {
    const live = this.#live.get(path);
    this.#live.delete(path);
    live?.readers.retire();
  }

  #change<T>(work: (manifest: Manifest) => Promise<T>): Promise<T> {
    const done = this.#changing.then(() => work({ ...this.#files.current, asked: this.#asked }));
    this.#changing = done.catch(() => undefined);
    return done;
  }
}

function mapDays(days: ReadonlyMap<string, Day>, map: (day: Day) => Day): Map<string, Day> {
  const mapped = [...days].map(([name, day]) => [name, map(day)] as const);
  return new Map(mapped.filter(([, day]) => day.segments.length > 0));
}

/** The days with what was written; a day that got nothing is the same object as before. */
function addToDays(
  days: ReadonlyMap<string, Day>,
  written: readonly WrittenSegment[],
  fields: FieldCounter,
): Map<string, Day> {
  const next = new Map(days);
  const rows = written.reduce((sum, { segment }) => sum + segment.rows, 0);
  for (const name of new Set(written.map(({ day }) => day))) {
    const before = days.get(name);
    const added = written.filter(({ day }) => day === name).map(({ segment }) => segment);
    const share = added.reduce((sum, segment) => sum + segment.rows, 0) / Math.max(1, rows);
    const counter = new FieldCounter();
    if (before !== undefined) counter.addCounts(before.fields);
    counter.addCounts(scaleCounts(fields.toCounts(), share));
    next.set(name, { segments: [...(before?.segments ?? []), ...added], fields: counter.toCounts() });
  }
  return next;
}
