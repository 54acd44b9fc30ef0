/** Medians and their 95 % intervals, by the percentile bootstrap (Efron 1979) over the rounds. */

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/** A small generator with a fixed seed (mulberry32, by Tommy Ettinger, public domain), so that intervals repeat. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The value below which a share `q` of the values lies, linear between two of them. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function spreadOf(values: readonly number[]): Spread {
  const random = createRandom(1);
  const medians = Array.from({ length: RESAMPLES }, () =>
    quantile(
      values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN),
      0.5,
    ),
  );
  return { median: quantile(values, 0.5), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

/** Round by round the one value divided by the other. */
export function ratios(own: readonly number[], peer: readonly number[]): number[] {
  return own.map((value, round) => value / (peer[round] ?? Number.NaN));
}

export function formatSpread({ median, low, high }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
