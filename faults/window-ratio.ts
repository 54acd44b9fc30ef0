/** Two kinds of time, cut into windows that took turns: how a number of the one relates to that of the other. */
import { quantile } from '../bench/statistics.ts';
import { type Random, randomStream } from '../examples/payments/src/random.ts';

export interface RatioOfMedians {
  readonly ratio: number;
  /** 95 % interval: the percentile bootstrap over the windows (Efron 1979). */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/** The median of the windows of one kind by that of the other. */
export function ratioOfMedians(of: readonly number[], by: readonly number[]): RatioOfMedians {
  const random = randomStream(1, 'traffic', 1);
  const ratios = Array.from({ length: RESAMPLES }, () => median(resample(of, random)) / median(resample(by, random)));
  return {
    ratio: rounded(median(of) / median(by)),
    low: rounded(quantile(ratios, 0.025)),
    high: rounded(quantile(ratios, 0.975)),
  };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function resample(values: readonly number[], random: Random): number[] {
  return values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN);
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
