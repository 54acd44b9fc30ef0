import { describe, expect, it } from 'vitest';
import { estimateCount, estimateRatio, estimateShare, type TotalStatistics, totalInterval } from './estimate.ts';
import { gammaQuantile, regularisedGamma, studentQuantile } from './gamma.ts';

/** A count of which `sampled` events were kept at one rate, and `exact` at rate 1. */
function counted(sampled: number, rate: number, exact = 0): TotalStatistics {
  const w = 1 / rate;
  return {
    seen: sampled + exact,
    unseen: sampled * (w - 1),
    variance: sampled * w * (w - 1),
    largestUnseen: sampled > 0 ? w - 1 : 0,
    largestVariance: sampled > 0 ? w * (w - 1) : 0,
    sampled,
  };
}

/** The probability that `kept` of `all` are kept, for kept = 0, 1, …, all. */
function binomial(all: number, rate: number): number[] {
  const probabilities: number[] = [];
  let logarithm = all * Math.log(1 - rate);
  for (let kept = 0; kept <= all; kept += 1) {
    probabilities.push(Math.exp(logarithm));
    logarithm += Math.log((all - kept) / (kept + 1)) + Math.log(rate / (1 - rate));
  }
  return probabilities;
}

describe('the interval of a count', () => {
  it.each([0.01, 0.05, 0.2, 0.5, 0.9])(
    'holds the truth at rate %d as often as it says, however few are kept',
    (rate) => {
      for (const expected of [1, 2, 3, 5, 8, 13, 30, 80]) {
        const truth = Math.round(expected / rate);
        let held = 0;
        let seen = 0;
        binomial(truth, rate).forEach((probability, kept) => {
          // With nothing kept there is no group to answer for.
          if (kept === 0) return;
          seen += probability;
          const count = estimateCount(counted(kept, rate));
          const { low, high } = typeof count === 'number' ? { low: count, high: count } : count;
          if (low <= truth && truth <= high) held += probability;
        });
        // A group of which one event is expected is missing in a third of the samplings; those are not held against it.
        expect(held / seen, `${truth} events`).toBeGreaterThanOrEqual(0.94);
      }
    },
  );

  it('never goes below what was seen, and is a point where all was kept', () => {
    expect(totalInterval(counted(1, 0.9)).low).toBeGreaterThanOrEqual(1);
    expect(totalInterval(counted(0, 0.01, 7))).toEqual({ value: 7, low: 7, high: 7 });
  });
});

describe('an error rate', () => {
  it('is exact where all was kept, and moves only with the successes where all errors were', () => {
    expect(estimateShare(counted(0, 1, 1), counted(0, 1, 3))).toBe(0.25);
    const share = estimateShare(counted(0, 1, 50), counted(10, 0.01));
    const { low, high } = totalInterval(counted(10, 0.01));
    expect(share).toMatchObject({ value: 50 / 1_050 });
    expect(share).toHaveProperty('low', expect.closeTo(50 / (50 + high), 3));
    expect(share).toHaveProperty('high', expect.closeTo(50 / (50 + low), 3));
  });

  it('is unknown where there is no event', () => {
    expect(estimateShare(counted(0, 1), counted(0, 1))).toBeNull();
  });
});

describe('an average', () => {
  it('of one sampled event spans what an exponential variable would', () => {
    const one = {
      total: 100,
      weight: 10,
      sampledTotal: 100,
      sampledWeight: 10,
      aa: 9_000,
      ab: 900,
      bb: 90,
      sampled: 1,
      clusters: 1,
      isPositive: true,
    };
    expect(estimateRatio(one)).toMatchObject({
      value: 10,
      low: expect.closeTo(2.71, 2),
      high: expect.closeTo(394.9, 0),
    });
  });
});

describe('the distributions', () => {
  // Reference values: NIST/SEMATECH e-Handbook, tables of chi-square (half of it is a gamma variable) and of Student's t.
  it('agree with the tables', () => {
    expect(2 * gammaQuantile(0.975, 0.5, 1)).toBeCloseTo(5.0239, 3);
    expect(2 * gammaQuantile(0.025, 5, 1)).toBeCloseTo(3.247, 3);
    expect(2 * gammaQuantile(0.975, 50, 1)).toBeCloseTo(129.561, 2);
    expect(gammaQuantile(0.975, 4_000, 2)).toBeCloseTo(8_249.7, -1);
    expect(regularisedGamma(1, 2)).toBeCloseTo(1 - Math.exp(-2), 10);
    expect(studentQuantile(5)).toBeCloseTo(2.5706, 4);
    expect(studentQuantile(30)).toBeCloseTo(2.0423, 3);
  });
});
