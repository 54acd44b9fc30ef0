import { expect, it } from 'vitest';
import { resolveBucketMs } from './time.ts';

it('cuts a range into some sixty buckets', () => {
  for (const hours of [0.001, 0.25, 1, 6, 24, 24 * 7, 24 * 30, 24 * 365]) {
    const range = { fromMs: 0, toMs: hours * 3_600_000 };
    const buckets = range.toMs / resolveBucketMs('auto', range);
    expect(buckets).toBeLessThanOrEqual(100);
    expect(buckets).toBeGreaterThan(hours < 0.01 ? 3 : 35);
  }
});
