/**
 * The histogram's numbers, ready to be drawn: one column for each bucket of the range, also where the server saw nothing,
 * stacked with the errors at the bottom, where they can be compared with each other.
 */
import type { Histogram, HistogramBucket, Measure } from '../api/types.ts';
import { amountOf, isEstimate } from '../measure/format.ts';

export interface Columns {
  /** Start of each column, in seconds since 1970. */
  readonly seconds: number[];
  /** Heights of the stack: all three outcomes, error and slow, error. */
  readonly total: number[];
  readonly troubled: number[];
  readonly error: number[];
  readonly buckets: readonly HistogramBucket[];
  readonly bucketMs: number;
}

const LIMIT = 2000;

export function layOutColumns(histogram: Histogram, fromMs: number, toMs: number): Columns {
  const { bucketMs } = histogram;
  const known = new Map(histogram.buckets.map((bucket) => [Date.parse(bucket.at), bucket]));
  const phase = Math.min(...known.keys());
  const first = Number.isFinite(phase) ? phase - Math.ceil((phase - fromMs) / bucketMs) * bucketMs : fromMs;
  const starts: number[] = [];
  for (let at = first; at < toMs && starts.length < LIMIT; at += bucketMs) starts.push(at);
  const buckets = starts.map((at) => known.get(at) ?? { at: new Date(at).toISOString(), normal: 0, slow: 0, error: 0 });
  return {
    seconds: starts.map((at) => at / 1000),
    total: buckets.map((bucket) => amountOf(totalOf(bucket))),
    troubled: buckets.map(({ slow, error }) => amountOf(slow) + amountOf(error)),
    error: buckets.map(({ error }) => amountOf(error)),
    buckets,
    bucketMs,
  };
}

/** All outcomes of a bucket together. */
export function totalOf({ normal, slow, error }: HistogramBucket): Measure {
  return addMeasures([normal, slow, error]);
}

/** The sum of numbers that were sampled apart from each other: the half widths of their intervals add as squares. */
export function addMeasures(parts: readonly Measure[]): Measure {
  const value = parts.reduce<number>((sum, part) => sum + amountOf(part), 0);
  if (!parts.some(isEstimate)) return value;
  const halfWidth = (side: 'low' | 'high') =>
    Math.sqrt(parts.reduce<number>((sum, part) => sum + (isEstimate(part) ? (part.value - part[side]) ** 2 : 0), 0));
  return { value, low: value - halfWidth('low'), high: value + halfWidth('high') };
}
