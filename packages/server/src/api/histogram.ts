/** Counts by bucket, level and rule → counts by bucket for the three kinds that the screen shows. */
import type { Answer, AnswerMeta, Estimate, Measure } from '../query/answer.ts';

export interface HistogramBucket {
  /** Start of the bucket, RFC 3339. */
  readonly at: string;
  readonly normal: Measure;
  /** Kept because it was slow, and not an error. */
  readonly slow: Measure;
  /** Level error or fatal, or kept because it had an error. */
  readonly error: Measure;
}

export interface Histogram {
  readonly bucketMs: number;
  readonly buckets: readonly HistogramBucket[];
  readonly meta: AnswerMeta;
}

type Kind = 'normal' | 'slow' | 'error';

export function foldHistogram(answer: Answer): Histogram {
  const buckets = new Map<string, Record<Kind, Measure[]>>();
  for (const row of answer.rows) {
    const at = String(row.bucket);
    const bucket = buckets.get(at) ?? { normal: [], slow: [], error: [] };
    buckets.set(at, bucket);
    if (isMeasure(row.count)) bucket[kindOf(row)].push(row.count);
  }
  return {
    bucketMs: answer.meta.bucketMs ?? 0,
    buckets: [...buckets]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([at, { normal, slow, error }]) => ({
        at,
        normal: addMeasures(normal),
        slow: addMeasures(slow),
        error: addMeasures(error),
      })),
    meta: answer.meta,
  };
}

function kindOf(row: Readonly<Record<string, unknown>>): Kind {
  const rule = row['sampling.rule'];
  if (row.level === 'error' || row.level === 'fatal' || rule === 'HAS_ERROR') return 'error';
  return rule === 'SLOW_REQUEST' ? 'slow' : 'normal';
}

/** The groups were sampled independently, so the variances add: half-widths in quadrature, on each side. */
export function addMeasures(measures: readonly Measure[]): Measure {
  let value = 0;
  let below = 0;
  let above = 0;
  let isEstimated = false;
  for (const measure of measures) {
    if (typeof measure === 'number') {
      value += measure;
      continue;
    }
    isEstimated = true;
    value += measure.value;
    below += (measure.value - measure.low) ** 2;
    above += (measure.high - measure.value) ** 2;
  }
  return isEstimated ? { value, low: value - Math.sqrt(below), high: value + Math.sqrt(above) } : value;
}

function isMeasure(value: unknown): value is Measure {
  return typeof value === 'number' || isEstimate(value);
}

function isEstimate(value: unknown): value is Estimate {
  return typeof value === 'object' && value !== null && 'value' in value && 'low' in value && 'high' in value;
}
