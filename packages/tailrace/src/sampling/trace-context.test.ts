import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { murmurHash64 } from './murmur.ts';
import { rateOfThreshold, thresholdOfRate } from './threshold.ts';
import { formatTraceparent, formatTracestate, parseTraceparent, parseTracestate } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is read as the specification says', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true });
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-02-what-comes-later`)?.isSampled).toBe(false);
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01${' '.repeat(10_000)}`,
  ])('is not given where it is broken: %s', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it('comes back as it was written', () => {
    expect(parseTraceparent(formatTraceparent(TRACE, SPAN, true))).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled: true,
    });
  });
});

describe('tracestate', () => {
  it('gives threshold and randomness, and leaves what is malformed', () => {
    expect(parseTracestate('vendor=1,ot=th:fd70a;rv:0123456789abcd;x:1')).toEqual({
      threshold: 'fd70a000000000',
      randomness: '0123456789abcd',
    });
    expect(parseTracestate('ot=th:;rv:12')).toEqual({});
    expect(parseTracestate('ot=th:123456789abcdef')).toEqual({});
    expect(parseTracestate(undefined)).toEqual({});
  });

  it("goes on with other vendors' members and other keys", () => {
    expect(formatTracestate('a=1,ot=th:8;p:2,b=3', { threshold: 'fd70a000000000' })).toBe('ot=th:fd70a;p:2,a=1,b=3');
    expect(formatTracestate('a=1,ot=th:8', {})).toBe('a=1');
    expect(formatTracestate(undefined, {})).toBeUndefined();
  });
});

describe('thresholds', () => {
  // The table of "TraceState: Probability Sampling", rounded to the precision that it uses.
  it.each([
    [1, '0'],
    [0.5, '8'],
    [0.25, 'c'],
    [0.01, 'fd70a'],
    [0.001, 'ffbe7'],
  ])('rate %d rejects below %s…', (rate, start) => {
    expect(thresholdOfRate(rate)?.startsWith(start)).toBe(true);
  });

  it('stand for the rate that they were made of', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1, noNaN: true }), (rate) => {
        const back = rateOfThreshold(thresholdOfRate(rate) ?? '');
        expect(Math.abs(back - rate) / rate).toBeLessThan(1e-6);
      }),
    );
  });
});

describe('the hash of a request id', () => {
  it("gives the reference's answer", () => {
    expect(murmurHash64("I will not buy this tobacconist's, it is scratched.")).toBe('9b5b7ba2ef3f7866');
    expect(murmurHash64('')).toBe('0000000000000000');
  });

  it('spreads ids that differ in a counter', () => {
    const buckets = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i += 1) {
      const digit = Number.parseInt(murmurHash64(`request-${i}`).slice(2, 3), 16);
      buckets[digit] = (buckets[digit] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(5 * Math.sqrt(1_000));
  });
});
