/**
 * Rates and thresholds, in the way of OpenTelemetry's consistent probability sampling ("TraceState: Probability
 * Sampling", OpenTelemetry specification).
 *
 * Every trace has a randomness value R of 56 bits: the last 14 hex digits of its trace id, or the value that the
 * tracestate gives as `rv`. A rate p becomes a rejection threshold T = (1 - p) * 2^56. The trace is kept where R >= T.
 * So two services with equal rates decide alike without talking to each other, and a lower rate keeps a subset of what
 * a higher rate keeps. Both are written with 14 hex digits in lower case here: then R >= T is a comparison of strings.
 */

/** 56 bits as 14 hex digits in lower case. */
export type Randomness = string;

const DIGITS = 14;
const RANGE = 2n ** 56n;

/** The threshold of a rate in (0, 1]; `undefined` for rate 0, which keeps nothing. */
export function thresholdOfRate(rate: number): string | undefined {
  if (rate <= 0) return undefined;
  if (rate >= 1) return '0'.repeat(DIGITS);
  const kept = BigInt(Math.round(rate * 2 ** 56));
  const rejected = RANGE - (kept === 0n ? 1n : kept);
  return rejected.toString(16).padStart(DIGITS, '0');
}

/** The rate of a threshold that was written with 1 to 14 hex digits. */
export function rateOfThreshold(threshold: string): number {
  return Number(RANGE - BigInt(`0x${threshold.padEnd(DIGITS, '0')}`)) / 2 ** 56;
}

export function isKept(randomness: Randomness, threshold: string | undefined): boolean {
  return threshold !== undefined && randomness >= threshold;
}

/** The last 56 bits of a trace id or of a 64-bit hash. */
export function randomnessOf(hex: string): Randomness {
  return hex.slice(-DIGITS);
}

/** The threshold as it stands in a tracestate: without zeros at its end. */
export function shortThreshold(threshold: string): string {
  let end = threshold.length;
  while (end > 1 && threshold[end - 1] === '0') end -= 1;
  return threshold.slice(0, end);
}
