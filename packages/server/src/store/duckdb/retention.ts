/**
 * Retention: what leaves the store, and in which order.
 *
 * By age, a segment goes when its last event is too old. The age of an event counts from its timestamp, or from when it was
 * stored where that is earlier: a clock that runs ten years ahead must not keep its events for ten years more.
 *
 * By size, normal events go first: those that sampling kept as a picture of all the rest. What was kept for a reason
 * of its own (errors, slow requests, critical routes, a user's rule) outlives them. A segment holds both, so one that has
 * to give up its normal events is written again without them, once in its life; that is cheaper than keeping two
 * files for every hour from the start. The order is, oldest first within each step:
 *
 *   1. the normal events that are more than a day old
 *   2. the other events that are more than a day old
 *   3. the normal events of the last day
 *   4. whatever else there is
 *
 * Without the step at a day, a store full of errors would drop the normal events of the hour at hand to keep
 * last month's errors, and the error rate on the screen would be 100 %.
 *
 * The change of the manifest that takes events out also adds them to its account of what was retired, so both survive
 * a crash together; files go when their last reader has left, as after a merge. The ledger doesn't change: what was
 * stored was stored. Answers whose range reaches back to where events were retired say so.
 */
import { bytesOf, type Segment } from './manifest.ts';

export interface RetentionLimits {
  /** Milliseconds. */
  readonly maxAgeMs: number;
  /** Of all segments. */
  readonly maxBytes: number;
}

export type Retirement =
  | { readonly kind: 'drop'; readonly segment: Segment }
  /** Write it again without its normal events. */
  | { readonly kind: 'thin'; readonly segment: Segment };

/** Events kept as a sample of ordinary traffic. A failure is none of them, whatever rule its producer named. */
export const IS_NORMAL_SQL =
  `(coalesce("sampling.rule", 'SAMPLED_NORMAL') IN ('SAMPLED_NORMAL', 'LOG_LINE') AND "error.code" IS NULL ` +
  `AND coalesce(level NOT IN ('error', 'fatal'), true) AND coalesce(status < 500, true))`;

const RECENT_MS = 24 * 3_600_000;
/** Below this share of normal events, writing a segment again frees too little. */
const MIN_NORMAL_SHARE = 0.1;

/** The end of a segment's time, as retention counts it. */
export function lastMs({ maxMs, writtenMs }: Segment): number {
  return Math.min(maxMs, writtenMs ?? maxMs);
}

/** What to retire next; `undefined` where everything may stay. */
export function chooseRetirement(
  segments: readonly Segment[],
  nowMs: number,
  limits: RetentionLimits,
): Retirement | undefined {
  const [oldest, ...others] = [...segments].sort((a, b) => lastMs(a) - lastMs(b));
  if (oldest === undefined) return undefined;
  if (lastMs(oldest) < nowMs - limits.maxAgeMs) return { kind: 'drop', segment: oldest };
  const bytes = segments.reduce((sum, segment) => sum + bytesOf(segment), 0);
  if (bytes <= limits.maxBytes) return undefined;
  const sorted = [oldest, ...others];
  const past = sorted.filter((segment) => lastMs(segment) < nowMs - RECENT_MS);
  const normal = past.find(hasNormal);
  if (normal !== undefined) return retireNormal(normal);
  if (past[0] !== undefined) return { kind: 'drop', segment: past[0] };
  const recent = sorted.find(hasNormal);
  return recent === undefined ? { kind: 'drop', segment: oldest } : retireNormal(recent);
}

function hasNormal({ rows, normal = rows }: Segment): boolean {
  return normal > rows * MIN_NORMAL_SHARE;
}

function retireNormal(segment: Segment): Retirement {
  return { kind: segment.normal === segment.rows ? 'drop' : 'thin', segment };
}
