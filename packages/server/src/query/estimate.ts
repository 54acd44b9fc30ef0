/**
 * From sampled events back to all of them.
 *
 * An event with the rate π was kept with probability π and stands for w = 1 / π events: itself, seen, and w − 1 like it
 * that were not kept. Everything here is about the unseen ones. Events with rate 1 bring no uncertainty; a value made of
 * them alone is a plain number.
 *
 * Counts and sums are Horvitz–Thompson totals (Horvitz and Thompson 1952): the seen part Σy is known, the unseen part is estimated by
 * U = Σ(w−1)y. Its variance is V = Σ w(w−1)y² where events are kept independently. They are not quite: the decision comes
 * from a hash of the trace, so the events of one trace are kept or lost together. Summing √(w(w−1))·y within each trace before squaring
 * accounts for that: exact where a trace has one rate, and on the safe side for y ≥ 0 where it has several, because
 * √((1−π)(1−π')) ≥ 1 − max(π, π').
 *
 * The normal interval U ± 1.96 √V fails for few events: it dips below what was seen and misses the skew. How many
 * events went by until n were kept is negative binomial; its exact interval (as Clopper and Pearson do for a share) takes the
 * 2.5 % quantile for n and the 97.5 % quantile for n + 1. A gamma variable with the same mean and variance is so close to it that
 * unequal weights can be treated alike: lower end with (U, V), upper end with the largest single contribution added to both.
 * For rates near 0 this is the interval of Fay and Feuer (1997, "Confidence intervals for directly standardized rates"), which keeps its
 * level for any weights. The lower end can't fall below what was seen.
 *
 * Averages are ratios of two totals: the delta method with the residuals y − R (Särndal, Swensson and Wretman 1992, section 5.6),
 * Student's t for the number of traces behind it, and, where no value is negative, the logarithm of the average, whose errors are nearer
 * to normal when values are skewed as durations are.
 *
 * An error rate is E / (E + S), from two totals with an interval each, which are combined on the log-odds scale by the method of
 * variance estimates recovery (Donner and Zou 2012): skew survives, and where all errors were kept only S moves.
 *
 * Percentiles are weighted order statistics; their interval inverts that of the share below them (Woodruff 1952), which is the same kind of
 * share as an error rate.
 *
 * What can't be known: a minimum, a maximum, the number of distinct values (they are bounds), and groups of which every event
 * was sampled away, which are missing. A group that shows only events with rate 1 is taken as complete; where
 * other groups of the answer show sampled events, a warning says so.
 */
import type { Estimate, Measure } from './answer.ts';
import { gammaQuantile, studentQuantile } from './gamma.ts';

const TAIL = 0.025;
/** Less than this above or below a whole number is a rounding error. */
const ROUNDING = 1e-6;
/** −ln 0.025 and −ln 0.975: the ends of an interval for the mean of an exponential variable seen once. */
const ONCE_SEEN_LOW = 3.689;
const ONCE_SEEN_HIGH = 0.02532;

/** What is known about a total over one group. */
export interface TotalStatistics {
  /** Sum over all events that were seen, whatever their rate. */
  readonly seen: number;
  /** Sum of (w − 1) y. */
  readonly unseen: number;
  /** Sum over traces of (sum of √(w(w−1)) y)². */
  readonly variance: number;
  /** The largest (w − 1) y of one trace, and its share of the variance. */
  readonly largestUnseen: number;
  readonly largestVariance: number;
  /** Events with a rate below 1. */
  readonly sampled: number;
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** For values that are never negative: counts, durations. */
export function totalInterval(total: TotalStatistics): Interval {
  const value = total.seen + total.unseen;
  if (total.sampled === 0 || !(total.variance > 0) || !(total.unseen > 0)) return { value, low: value, high: value };
  const { unseen, variance } = total;
  const high = { unseen: unseen + total.largestUnseen, variance: variance + total.largestVariance };
  return {
    value,
    low: mayBeComplete(total)
      ? total.seen
      : total.seen + gammaQuantile(TAIL, unseen ** 2 / variance, variance / unseen),
    high: total.seen + gammaQuantile(1 - TAIL, high.unseen ** 2 / high.variance, high.variance / high.unseen),
  };
}

/** As {@link totalInterval}, for a part of a sampled group: none seen in it doesn't mean that there is none. */
function partInterval(total: TotalStatistics): Interval {
  if (total.sampled > 0 || !(total.largestVariance > 0)) return totalInterval(total);
  const { seen, largestUnseen, largestVariance } = total;
  const high = seen + gammaQuantile(1 - TAIL, largestUnseen ** 2 / largestVariance, largestVariance / largestUnseen);
  return { value: seen, low: seen, high };
}

/**
 * Whether it is likely enough that nothing went unseen: the chance that all sampled events were kept, from the rate π of
 * the largest contribution, of which 1 − π is (w − 1)² y² / w(w − 1) y². A gamma variable is never exactly 0, so that it would leave this
 * case out.
 */
function mayBeComplete(total: TotalStatistics): boolean {
  const rate = 1 - total.largestUnseen ** 2 / total.largestVariance;
  return rate > 0 && rate ** total.sampled > TAIL;
}

export function estimateTotal(total: TotalStatistics): Measure {
  return asMeasure(totalInterval(total), total.sampled > 0);
}

/** The truth is a whole number: the ends of its interval go outwards to the next. */
export function estimateCount(total: TotalStatistics): Measure {
  const { value, low, high } = totalInterval(total);
  return asMeasure({ value, low: Math.floor(low + ROUNDING), high: Math.ceil(high - ROUNDING) }, total.sampled > 0);
}

/** A sum of values of either sign, from the number of traces that were sampled. */
export function estimateSignedTotal(total: TotalStatistics, clusters: number): Measure {
  const value = total.seen + total.unseen;
  const half = studentQuantile(clusters - 1) * Math.sqrt(Math.max(0, total.variance));
  return asMeasure({ value, low: value - half, high: value + half }, total.sampled > 0);
}

export interface RatioStatistics {
  /** Σ w y and Σ w. */
  readonly total: number;
  readonly weight: number;
  /** The sampled part of both. */
  readonly sampledTotal: number;
  readonly sampledWeight: number;
  /** Sums over traces of a², ab and b², where a = Σ √(w(w−1)) y and b = Σ √(w(w−1)). */
  readonly aa: number;
  readonly ab: number;
  readonly bb: number;
  readonly sampled: number;
  /** Traces among the sampled events. */
  readonly clusters: number;
  /** True where no value is negative. */
  readonly isPositive: boolean;
}

/** A weighted average; `null` where there is no event with a value. */
export function estimateRatio(ratio: RatioStatistics): Measure | null {
  if (!(ratio.weight > 0)) return null;
  const value = ratio.total / ratio.weight;
  if (ratio.sampled === 0) return value;
  if (ratio.clusters < 2) {
    // One observation has no spread of its own: it is taken as one of an exponential variable.
    const rest = ratio.total - ratio.sampledTotal;
    const ends = [ONCE_SEEN_LOW, ONCE_SEEN_HIGH].map((d) => (rest + ratio.sampledTotal / d) / ratio.weight);
    return asMeasure({ value, low: Math.min(...ends), high: Math.max(...ends) }, true);
  }
  const variance = Math.max(0, ratio.aa - 2 * value * ratio.ab + value ** 2 * ratio.bb) / ratio.weight ** 2;
  const correction = ratio.clusters / (ratio.clusters - 1);
  const half = studentQuantile(ratio.clusters - 1) * Math.sqrt(variance * correction);
  if (!ratio.isPositive || value <= 0) return asMeasure({ value, low: value - half, high: value + half }, true);
  const factor = Math.exp(half / value);
  return asMeasure({ value, low: value / factor, high: value * factor }, true);
}

/** The share of one total in the sum of two. */
function shareInterval(a: Interval, b: Interval): Interval | undefined {
  const whole = a.value + b.value;
  if (!(whole > 0)) return undefined;
  const value = a.value / whole;
  if (a.value === 0 || b.value === 0) return { value, low: value, high: value };
  const odds = Math.log(a.value / b.value);
  const down = Math.hypot(Math.log(a.value / a.low), Math.log(b.high / b.value));
  const up = Math.hypot(Math.log(a.high / a.value), Math.log(b.value / b.low));
  return { value, low: logistic(odds - down), high: logistic(odds + up) };
}

export function estimateShare(part: TotalStatistics, others: TotalStatistics): Measure | null {
  const interval = shareInterval(totalInterval(part), totalInterval(others));
  return interval === undefined ? null : asMeasure(interval, part.sampled + others.sampled > 0);
}

/**
 * Between which shares of the weight the percentile's interval ends, from what lies up to the estimated percentile and
 * what lies above it. If the true share below the estimate may be d less than it seems, then the true percentile may lie
 * d further up: the sides of the interval change places.
 */
export function percentileShares(p: number, upTo: TotalStatistics, above: TotalStatistics): readonly [number, number] {
  const below = partInterval(upTo);
  const rest = partInterval(above);
  if (!(rest.value > 0)) {
    // Nothing was seen above it. The truth may lie beyond everything that was kept, and at least where as much weight
    // is above as may have been missed.
    return [p * (below.low / (below.low + rest.high)), 1];
  }
  const share = shareInterval(below, rest);
  if (share === undefined) return [p, p];
  const at = logit(share.value);
  return [logistic(logit(p) - (logit(share.high) - at)), logistic(logit(p) + (at - logit(share.low)))];
}

/** At least this many; at most as many more as events are unseen. */
export function boundDistinct(distinct: number, count: TotalStatistics): Measure {
  if (count.sampled === 0) return distinct;
  const unseen = totalInterval(count).high - count.seen;
  return { value: distinct, low: distinct, high: distinct + Math.ceil(unseen), bound: 'lower' };
}

/** A minimum or maximum: sampling may have missed a more extreme one. */
export function boundExtreme(value: number, fn: 'min' | 'max', sampled: number): Measure {
  return sampled === 0 ? value : { value, low: value, high: value, bound: fn === 'min' ? 'upper' : 'lower' };
}

export function asMeasure(interval: Interval, isEstimated: boolean): Measure {
  if (!isEstimated) return interval.value;
  const estimate: Estimate = { value: interval.value, low: interval.low, high: interval.high };
  return estimate;
}

function logit(share: number): number {
  return Math.log(share / (1 - share));
}

function logistic(odds: number): number {
  return 1 / (1 + Math.exp(-odds));
}
