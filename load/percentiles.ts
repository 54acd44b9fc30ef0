/** The value below which a share of the samples lies, nearest rank; 0 where there are none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** `p50 12 · p99 80 · max 91 ms`. */
export function describeMs(samples: readonly number[]): string {
  const [p50, p99, max] = [percentile(samples, 0.5), percentile(samples, 0.99), percentile(samples, 1)];
  return `p50 ${p50.toFixed(0)} · p99 ${p99.toFixed(0)} · max ${max.toFixed(0)} ms (${samples.length})`;
}
