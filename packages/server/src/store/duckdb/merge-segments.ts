/**
 * Merging: many small segments of one hour become a large one, in the background.
 *
 * A commit every few seconds writes small segments, and a query pays for each file it opens. Segments of like size are merged eight at a
 * time, so each event is rewritten only as often as its segment can grow eightfold: three times from a thousand rows to
 * a quarter of a million. Once an hour is well past and nothing was written to it for a while, what is left of it is
 * merged whatever its size. While events of a past hour still come in (a backlog, an import), that would rewrite the same events over
 * and over, as each pair of segments arrives.
 *
 * The new segment is written beside the old ones, and one change of the manifest puts it in their place. A crash before it leaves an orphan, a
 * crash after it leaves the old ones as orphans; both go at the next start. Queries that read the old ones finish first.
 */
import { dirname } from 'node:path';
import type { Segment } from './manifest.ts';

export interface MergeLimits {
  /** Segments of like size that make a merge worth it. */
  readonly fanIn: number;
  readonly maxRows: number;
  readonly maxBytes: number;
  /** What is left of a past hour is merged when nothing was written to it for so long, in milliseconds. */
  readonly quietMs: number;
}

export const DEFAULT_MERGE_LIMITS: MergeLimits = {
  fanIn: 8,
  maxRows: 250_000,
  maxBytes: 32 * 1024 * 1024,
  quietMs: 5 * 60_000,
};

const SETTLED_AFTER_MS = 15 * 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The segments to merge next, all of one folder; `undefined` where there is nothing to do. */
export function chooseMerge(
  segments: Iterable<Segment>,
  nowMs: number,
  limits: MergeLimits,
): readonly Segment[] | undefined {
  const folders = new Map<string, Segment[]>();
  for (const segment of segments) {
    if (segment.rows >= limits.maxRows / 2 || segment.bytes >= limits.maxBytes / 2) continue;
    // Mixed ones stay apart by the day on which they were stored, so that retention can take them a day at a time.
    const folder = `${dirname(segment.path)} ${Math.floor((segment.writtenMs ?? 0) / DAY_MS)}`;
    const key = endOfHour(dirname(segment.path)) === undefined ? folder : dirname(segment.path);
    folders.set(key, [...(folders.get(key) ?? []), segment]);
  }
  for (const [folder, small] of folders) {
    small.sort((a, b) => a.rows - b.rows);
    const hourEndMs = endOfHour(folder);
    const writtenMs = Math.max(...small.map((segment) => segment.writtenMs ?? segment.maxMs));
    const isQuiet = nowMs >= writtenMs + limits.quietMs;
    const isSettled = hourEndMs !== undefined && nowMs > hourEndMs + SETTLED_AFTER_MS && isQuiet;
    const chosen = isSettled ? takeWithin(small, limits) : chooseAlike(small, limits);
    if (chosen.length >= (isSettled ? 2 : limits.fanIn)) return chosen;
  }
  return undefined;
}

/** The smallest segments of which the largest is at most `fanIn` times the smallest. */
function chooseAlike(sorted: readonly Segment[], limits: MergeLimits): readonly Segment[] {
  for (let from = 0; from + limits.fanIn <= sorted.length; from += 1) {
    const smallest = Math.max(1, sorted[from]?.rows ?? 1);
    const alike = sorted.slice(from).filter(({ rows }) => rows <= smallest * limits.fanIn);
    const chosen = takeWithin(alike, limits);
    if (chosen.length >= limits.fanIn) return chosen;
  }
  return [];
}

function takeWithin(segments: readonly Segment[], limits: MergeLimits): readonly Segment[] {
  let rows = 0;
  let bytes = 0;
  return segments.filter((segment) => {
    if (rows + segment.rows > limits.maxRows || bytes + segment.bytes > limits.maxBytes) return false;
    rows += segment.rows;
    bytes += segment.bytes;
    return true;
  });
}

/** The end of the hour that a folder holds; `undefined` for the mixed one. */
function endOfHour(folder: string): number | undefined {
  const match = /date=(.+)\/hour=(\d{2})$/.exec(folder);
  if (match === null) return undefined;
  const startMs = Date.parse(`${match[1]}T${match[2]}:00:00.000Z`);
  return Number.isNaN(startMs) ? undefined : startMs + HOUR_MS;
}
