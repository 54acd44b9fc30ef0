/** First delay and bound of a back-off, in milliseconds. */
export interface BackoffLimits {
  readonly initialMs: number;
  readonly maxMs: number;
}

/**
 * The delay before the next try: exponential, with full jitter (a random share of the whole), so that clients that
 * failed together don't come back together. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param failures - how often it failed so far, from 1 up.
 */
export function backoffMs(failures: number, limits: BackoffLimits, random: () => number = Math.random): number {
  return random() * Math.min(limits.maxMs, limits.initialMs * 2 ** Math.min(failures - 1, 52));
}
