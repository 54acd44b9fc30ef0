/**
 * The manifest: which segments the store is made of, and how much of the queue they hold.
 *
 * Two levels keep a commit cheap however much is stored. `manifest.json` has the checkpoint and one line for each day; each
 * day's segments stand in a file of their own, `manifest/<day>-<id>.json`, that never changes: a commit writes new
 * files for the days it touches, then replaces `manifest.json` with one rename. That rename is the commit. What it
 * doesn't name isn't part of the store, and goes at the next start.
 */
import { mkdir, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../store.ts';
import { isMissing, listFiles, removeFile, writeFileAtomically } from './durable-files.ts';
import type { FieldCounts } from './field-counts.ts';
import { newId } from './new-id.ts';
import { indexPath } from './segment-index.ts';

/** Segments of rows whose hour had too few of them to have a file of its own. */
export const MIXED_DAY = 'mixed';
export const MIXED_FOLDER = 'segments/mixed';

const segmentSchema = z.object({
  /** From the store's folder. */
  path: z.string(),
  rows: z.int().min(0),
  bytes: z.int().min(0),
  /** Of its index; left out where it has none. See segment-index.ts. */
  indexBytes: z.int().min(0).optional(),
  minMs: z.number(),
  maxMs: z.number(),
  /** Rows whose sampling rate is below 1. */
  sampled: z.int().min(0),
  /** Rows that were kept as a sample of ordinary traffic; see retention.ts. */
  normal: z.int().min(0).optional(),
  /** When the last of its rows was stored. */
  writtenMs: z.number().optional(),
  /** The attributes that have a column of their own; see promotion.ts. */
  promoted: z.record(z.string(), z.enum(['string', 'number', 'json'])).optional(),
  /** Least and greatest sequence number by producer; left out where there are too many producers. */
  producers: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
});
export type Segment = Readonly<z.output<typeof segmentSchema>>;

/** What a segment takes on disk. */
export function bytesOf({ bytes, indexBytes = 0 }: Segment): number {
  return bytes + indexBytes;
}

const daySchema = z.object({
  segments: z.array(segmentSchema),
  fields: z.object({ events: z.number(), truncated: z.boolean(), names: z.record(z.string(), z.array(z.number())) }),
});
/** The segments of one day and the attributes that its events have. */
export interface Day {
  readonly segments: readonly Segment[];
  readonly fields: FieldCounts;
}

const quarantinedSchema = z.object({
  segment: z.string(),
  reason: z.string(),
  rows: z.int(),
  minMs: z.number(),
  maxMs: z.number(),
});
export type Quarantined = Readonly<z.output<typeof quarantinedSchema>>;

const retiredSchema = z.object({
  events: z.int().min(0),
  bytes: z.int().min(0),
  /** Up to here events of every kind are gone, or some of them. */
  allToMs: z.number().optional(),
  /** Up to here the normal events are gone, or some of them. */
  normalToMs: z.number().optional(),
});
/** The account of what retention took out since the store was made. */
export type Retired = Readonly<z.output<typeof retiredSchema>>;

const FORMAT = 'tailrace/manifest/v1';
const rootSchema = z.object({
  format: z.literal(FORMAT),
  checkpoint: z.object({ position: z.string(), ledger: z.unknown() }).optional(),
  days: z.record(z.string(), z.string()),
  quarantined: z.array(quarantinedSchema).default([]),
  retired: retiredSchema.default({ events: 0, bytes: 0 }),
  asked: z.array(z.string()).default([]),
});

const NOTHING_RETIRED: Retired = { events: 0, bytes: 0 };

export interface Manifest {
  readonly checkpoint: Checkpoint | undefined;
  readonly days: ReadonlyMap<string, Day>;
  readonly quarantined: readonly Quarantined[];
  readonly retired: Retired;
  /** Attributes that queries used, latest first. */
  readonly asked: readonly string[];
}

export class ManifestFiles {
  readonly #directory: string;
  #isNew = true;
  /** The file of each day as it is in the manifest that stands. */
  readonly #dayFiles = new Map<string, string>();
  #current: Manifest = { checkpoint: undefined, days: new Map(), quarantined: [], retired: NOTHING_RETIRED, asked: [] };

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Reads the manifest that stands; a folder without one is a new store.
   *
   * @throws Error where `manifest.json` or a day's file can't be read: starting empty would throw the store away.
   */
  static async open(directory: string): Promise<ManifestFiles> {
    const files = new ManifestFiles(directory);
    await mkdir(join(directory, 'manifest'), { recursive: true });
    await mkdir(join(directory, 'tmp'), { recursive: true });
    await files.#read();
    return files;
  }

  get current(): Manifest {
    return this.#current;
  }

  /** Makes `next` the manifest. The days that are the same objects as before keep their files. */
  async replace(next: Manifest): Promise<void> {
    const dayFiles = new Map<string, string>();
    for (const [name, day] of next.days) {
      const known = this.#dayFiles.get(name);
      if (known !== undefined && this.#current.days.get(name) === day) {
        dayFiles.set(name, known);
        continue;
      }
      const file = `manifest/${name}-${newId()}.json`;
      await writeFileAtomically(join(this.#directory, file), JSON.stringify(day), this.#temporaryPath());
      dayFiles.set(name, file);
    }
    const root = {
      format: FORMAT,
      checkpoint: next.checkpoint,
      days: Object.fromEntries(dayFiles),
      quarantined: next.quarantined,
      retired: next.retired,
      asked: next.asked,
    };
    await writeFileAtomically(join(this.#directory, 'manifest.json'), JSON.stringify(root), this.#temporaryPath());
    const kept = new Set(dayFiles.values());
    const replaced = [...this.#dayFiles.values()].filter((file) => !kept.has(file));
    this.#current = next;
    this.#dayFiles.clear();
    for (const [name, file] of dayFiles) this.#dayFiles.set(name, file);
    // The commit is done: a file that can't be removed now goes at the next start.
    for (const file of replaced) await removeFile(join(this.#directory, file)).catch(() => undefined);
  }

  /**
   * Removes what an interrupted commit or merge left behind. Where there is no manifest at all, segments are set aside
   * instead: somebody may have lost it.
   */
  async removeOrphans(): Promise<void> {
    if (this.#isNew) await this.#setSegmentsAside();
    const known = new Set([...this.#dayFiles.values()].map((file) => join(this.#directory, file)));
    for (const day of this.#current.days.values()) {
      for (const { path, indexBytes } of day.segments) {
        known.add(join(this.#directory, path));
        if (indexBytes !== undefined) known.add(join(this.#directory, indexPath(path)));
      }
    }
    for (const folder of ['segments', 'manifest', 'tmp']) {
      for (const file of await listFiles(join(this.#directory, folder))) if (!known.has(file)) await removeFile(file);
    }
  }

  async #setSegmentsAside(): Promise<void> {
    const files = await listFiles(join(this.#directory, 'segments'));
    if (files.length > 0) await mkdir(join(this.#directory, 'quarantine'), { recursive: true });
    for (const file of files) await rename(file, join(this.#directory, 'quarantine', basename(file)));
  }

  async #read(): Promise<void> {
    const path = join(this.#directory, 'manifest.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    this.#isNew = false;
    const root = readJson(path, text, rootSchema);
    const days = new Map<string, Day>();
    for (const [name, file] of Object.entries(root.days)) {
      const dayPath = join(this.#directory, file);
      days.set(name, readJson(dayPath, await readFile(dayPath, 'utf8'), daySchema));
      this.#dayFiles.set(name, file);
    }
    const checkpoint = root.checkpoint && { position: root.checkpoint.position, ledger: root.checkpoint.ledger };
    this.#current = { checkpoint, days, quarantined: root.quarantined, retired: root.retired, asked: root.asked };
  }

  #temporaryPath(): string {
    return join(this.#directory, 'tmp', newId());
  }
}

function readJson<T>(path: string, text: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `${path} can't be read. It says what the store holds, so the store is not opened. Restore it from a backup, or move the store's folder away to start empty.`,
      { cause: error },
    );
  }
}
