/** Side by side with OpenTelemetry's own sampler for JavaScript (`@opentelemetry/sampler-composite`). */
import { createTraceState, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import {
  type ComposableSampler,
  createComposableParentThresholdSampler,
  createComposableProbabilitySampler,
  createCompositeSampler,
} from '@opentelemetry/sampler-composite';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { collectEvents } from '../testing/index.ts';
import {
  createRandomness,
  createSpanId,
  createTraceId,
  formatTraceparent,
  formatTracestate,
  isKept,
  parseTraceparent,
  parseTracestate,
  randomnessOf,
  rateOfThreshold,
  thresholdOfRate,
} from './index.ts';

const RATES = [1, 0.9, 0.5, 1 / 3, 0.1, 0.01, 0.001, 1e-6];

interface Answer {
  readonly isSampled: boolean;
  readonly tracestate: string | undefined;
}

/** What OpenTelemetry decides on a span of this trace, behind a caller that sent these headers. */
function ask(sampler: ComposableSampler, traceId: string, headers: Record<string, string> = {}): Answer {
  const parent = parseTraceparent(headers.traceparent);
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: parent.isSampled ? 1 : 0,
          isRemote: true,
          ...(headers.tracestate === undefined ? {} : { traceState: createTraceState(headers.tracestate) }),
        });
  const result = createCompositeSampler(sampler).shouldSample(context, traceId, 'work', SpanKind.SERVER, {}, []);
  return {
    isSampled: result.decision === SamplingDecision.RECORD_AND_SAMPLED,
    tracestate: result.traceState?.serialize(),
  };
}

/** The last id that a rate rejects, and the first that it keeps. */
function idsAround(rate: number): readonly string[] {
  const threshold = BigInt(`0x${thresholdOfRate(rate)}`);
  return [threshold - 1n, threshold, threshold + 1n]
    .filter((bits) => bits >= 0n)
    .map((bits) => `${'5'.repeat(18)}${bits.toString(16).padStart(14, '0')}`);
}

describe("OpenTelemetry's sampler and ours", () => {
  it.each(RATES)('keep the same of 10,000 traces at rate %d, down to the last bit', (rate) => {
    const theirs = createComposableProbabilitySampler(rate);
    const ids = [...Array.from({ length: 10_000 }, createTraceId), ...idsAround(rate)];
    const threshold = thresholdOfRate(rate);
    const differing = ids.filter((id) => ask(theirs, id).isSampled !== isKept(randomnessOf(id), threshold));
    expect(differing).toEqual([]);
    expect(ids.some((id) => ask(theirs, id).isSampled)).toBe(true);
  });

  it.each(RATES)('write the same threshold for rate %d, and read what the other wrote', (rate) => {
    const theirs = createComposableProbabilitySampler(rate);
    const written = ask(theirs, 'f'.repeat(32)).tracestate;
    const threshold = thresholdOfRate(rate);
    expect(written).toBe(formatTracestate(undefined, threshold === undefined ? {} : { threshold }));
    const read = parseTracestate(written);
    expect(read).toEqual({ threshold });
    expect(rateOfThreshold(read.threshold ?? '')).toBeCloseTo(rate, 12);
  });

  it('go by the same randomness where the tracestate names it', () => {
    const theirs = createComposableProbabilitySampler(0.5);
    const threshold = thresholdOfRate(0.5);
    for (let i = 0; i < 1_000; i += 1) {
      const traceId = createTraceId();
      const randomness = createRandomness();
      const traceparent = formatTraceparent(traceId, createSpanId(), true);
      const tracestate = formatTracestate('vendor=1', { randomness }) ?? '';
      const answer = ask(theirs, traceId, { traceparent, tracestate });
      expect(answer.isSampled).toBe(isKept(randomness, threshold));
      expect(parseTracestate(answer.tracestate)).toEqual({ randomness, ...(answer.isSampled ? { threshold } : {}) });
      expect(answer.tracestate).toContain('vendor=1');
    }
  });
});

describe('a service of OpenTelemetry behind one of ours', () => {
  const followsItsCaller = createComposableParentThresholdSampler(createComposableProbabilitySampler(1));

  it.each([
    ['a new trace', () => ({})],
    ['a request id from outside', () => ({ request_id: `order-${Math.random()}` })],
  ])('keeps what ours keeps: %s', (_what, fields) => {
    const { tailrace, events } = collectEvents({ sampling: { normalRate: 0.3 } });
    let kept = 0;
    for (let i = 0; i < 500; i += 1) {
      const headers = tailrace.run({ route: '/', ...fields() }, () => tailrace.outgoingHeaders());
      const answer = ask(followsItsCaller, parseTraceparent(headers.traceparent)?.traceId ?? '', headers);
      expect(answer.isSampled).toBe(events.length > kept);
      if (answer.isSampled) expect(answer.tracestate).toBe(headers.tracestate);
      kept = events.length;
    }
    expect(kept).toBeGreaterThan(0);
  });
});

describe('a service of ours behind one of OpenTelemetry', () => {
  it.each(RATES.filter((rate) => rate > 0.005))('that follows its caller keeps what was kept at rate %d', (rate) => {
    const { tailrace, events } = collectEvents({ sampling: { normalRate: 0.005, followCaller: true } });
    const theirs = createComposableProbabilitySampler(rate);
    const low = thresholdOfRate(0.005);
    for (let i = 0; i < 1_000; i += 1) {
      const traceId = createTraceId();
      const { isSampled, tracestate } = ask(theirs, traceId);
      const before = events.length;
      const traceparent = formatTraceparent(traceId, createSpanId(), isSampled);
      tailrace.run({ route: '/', traceparent, tracestate }, () => {});
      expect(events.length > before).toBe(isSampled || isKept(randomnessOf(traceId), low));
      if (isSampled) expect(events.at(-1)).toMatchObject({ 'sampling.rule': 'CALLER_KEPT' });
      if (isSampled) expect(events.at(-1)?.['sampling.rate']).toBeCloseTo(rate, 12);
    }
  });
});
