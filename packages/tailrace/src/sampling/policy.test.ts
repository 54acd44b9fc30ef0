import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SamplingRule } from '../options.ts';
import { createPolicy, type PolicyOptions, type Subject } from './policy.ts';
import { randomnessOf } from './threshold.ts';
import { createTraceId } from './trace-context.ts';

function policyWith(options: Partial<PolicyOptions> = {}) {
  return createPolicy({
    normalRate: 0.01,
    lineRate: 1,
    slowThresholdMs: 2_000,
    criticalRoutes: [],
    rules: [],
    onRuleFault: () => {},
    ...options,
  });
}

function subject(fields: Partial<Subject> = {}): Subject {
  return {
    kind: 'scope',
    level: 'info',
    hasError: false,
    service: 'shop',
    topic: undefined,
    route: '/products',
    method: 'GET',
    status: 200,
    durationMs: 5,
    randomness: '00000000000000',
    rateHint: undefined,
    neighbour: undefined,
    fields: {},
    ...fields,
  };
}

describe('what must be kept', () => {
  const policy = policyWith({ normalRate: 0, criticalRoutes: ['/payments', 'DELETE /users/**'] });

  it.each([
    ['an error', { hasError: true }, 'HAS_ERROR'],
    ['level error', { level: 'error' }, 'HAS_ERROR'],
    ['level fatal', { level: 'fatal' }, 'HAS_ERROR'],
    ['status 500', { status: 500 }, 'HAS_ERROR'],
    ['more than the threshold', { durationMs: 2_000.001 }, 'SLOW_REQUEST'],
    ['a critical route', { route: '/payments', method: 'POST' }, 'CRITICAL_ROUTE'],
    ['a critical route whose text has the method', { route: 'POST /payments', method: undefined }, 'CRITICAL_ROUTE'],
    ['a critical route with a method', { route: '/users/:id', method: 'delete' }, 'CRITICAL_ROUTE'],
  ] as const)('is kept at rate 1 and written at once: %s', (_what, fields, rule) => {
    expect(policy.decide(subject(fields))).toEqual({ keep: true, rule, rate: 1, urgent: true });
  });

  it.each([
    ['status 499', { status: 499 }],
    ['exactly the threshold', { durationMs: 2_000 }],
    ['another method', { route: '/users/:id', method: 'GET' }],
    ['a longer path', { route: '/payments/:id', method: 'GET' }],
  ] as const)('and the rest is not: %s', (_what, fields) => {
    expect(policy.decide(subject(fields))).toMatchObject({ keep: false, rule: 'SAMPLED_NORMAL', urgent: false });
  });

  it('gives an error its name before slowness, and slowness before the route', () => {
    const all = { route: '/payments', method: 'POST', durationMs: 9_000 } as const;
    expect(policy.decide(subject({ ...all, status: 503 })).rule).toBe('HAS_ERROR');
    expect(policy.decide(subject(all)).rule).toBe('SLOW_REQUEST');
  });
});

describe('the share of normal events', () => {
  const traces = Array.from({ length: 100_000 }, createTraceId).map(randomnessOf);
  const keptAt = (rate: number): Set<string> => {
    const policy = policyWith({ normalRate: rate });
    return new Set(traces.filter((randomness) => policy.decide(subject({ randomness })).keep));
  };

  it('is decided alike by two services over 100,000 traces', () => {
    const here = policyWith({ normalRate: 0.05 });
    const there = policyWith({ normalRate: 0.05 });
    const differing = traces.filter(
      (randomness) =>
        here.decide(subject({ randomness })).keep !== there.decide(subject({ randomness, service: 'other' })).keep,
    );
    expect(differing).toEqual([]);
  });

  it('is a subset of what a higher rate keeps, and within its binomial bounds', () => {
    let higher = new Set(traces);
    for (const rate of [0.5, 0.1, 0.01, 0.001]) {
      const kept = keptAt(rate);
      expect([...kept].every((randomness) => higher.has(randomness))).toBe(true);
      // Five standard deviations: a right implementation fails once in more than a million runs.
      const deviation = Math.sqrt(traces.length * rate * (1 - rate));
      expect(Math.abs(kept.size - traces.length * rate)).toBeLessThan(5 * deviation);
      higher = kept;
    }
    expect(keptAt(1).size).toBe(new Set(traces).size);
    expect(keptAt(0).size).toBe(0);
  });

  it('keeps a subset for any two rates', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.bigInt(0n, 2n ** 56n - 1n),
        (a, b, bits) => {
          const randomness = bits.toString(16).padStart(14, '0');
          const lower = policyWith({ normalRate: Math.min(a, b) }).decide(subject({ randomness }));
          const upper = policyWith({ normalRate: Math.max(a, b) }).decide(subject({ randomness }));
          return !lower.keep || upper.keep;
        },
      ),
    );
  });
});

describe("the user's rules", () => {
  const rules: SamplingRule[] = [
    { name: 'SIGNUPS', rate: 1, route: 'POST /signups', urgent: true },
    { name: 'CHATTY', rate: 0, topic: 'dsp' },
    { name: 'BIG_CARTS', rate: 1, when: (event) => Number(event['cart.items']) > 10 },
    {
      name: 'BROKEN',
      rate: 1,
      when: () => {
        throw new Error('no such field');
      },
    },
  ];
  const faults: string[] = [];
  const policy = policyWith({ rules, normalRate: 0, onRuleFault: (rule) => faults.push(rule) });

  it('decide in their order, after the built-in ones', () => {
    expect(policy.decide(subject({ route: '/signups', method: 'POST' }))).toEqual({
      keep: true,
      rule: 'SIGNUPS',
      rate: 1,
      urgent: true,
    });
    expect(policy.decide(subject({ topic: 'dsp.filter' }))).toMatchObject({ keep: false, rule: 'CHATTY' });
    expect(policy.decide(subject({ topic: 'dsp.filter', level: 'error' })).rule).toBe('HAS_ERROR');
    expect(policy.decide(subject({ topic: 'dspx', fields: { 'cart.items': 12 } })).rule).toBe('BIG_CARTS');
  });

  it('survive a condition that throws: it does not match, and is told', () => {
    faults.length = 0;
    expect(policy.decide(subject()).rule).toBe('SAMPLED_NORMAL');
    expect(faults).toEqual(['BROKEN']);
  });

  it('explain which of them decided, and what was tried before', () => {
    const { rule, tried } = policy.explain(subject({ route: '/signups', method: 'POST' }));
    expect(rule).toBe('SIGNUPS');
    expect(tried.map((step) => [step.rule, step.matched])).toEqual([
      ['HAS_ERROR', false],
      ['SLOW_REQUEST', false],
      ['CRITICAL_ROUTE', false],
      ['SIGNUPS', true],
    ]);
  });
});

describe('log lines', () => {
  it('are kept outside of scopes, and share the decision of their scope inside', () => {
    const policy = policyWith({ normalRate: 0.5 });
    const line = { durationMs: undefined, route: undefined, status: undefined } as const;
    expect(policy.decide(subject({ ...line, kind: 'line' }))).toMatchObject({ keep: true, rule: 'LOG_LINE', rate: 1 });
    for (const randomness of ['00000000000000', 'ffffffffffffff']) {
      const event = policy.decide(subject({ randomness }));
      expect(policy.decide(subject({ ...line, kind: 'line_in_scope', randomness }))).toEqual(event);
    }
  });
});

describe('a neighbour that keeps its part of the trace', () => {
  const policy = policyWith({ normalRate: 0.01 });

  it('makes this service keep its own, at the higher of the two rates', () => {
    const neighbour = { rule: 'CALLEE_KEPT', rate: 1, because: 'HAS_ERROR' } as const;
    expect(policy.decide(subject({ neighbour }))).toEqual({ keep: true, rule: 'CALLEE_KEPT', rate: 1, urgent: true });
    const weaker = { ...neighbour, rate: 0.001 };
    expect(policy.decide(subject({ neighbour: weaker, randomness: 'ffffffffffffff' }))).toMatchObject({
      rule: 'SAMPLED_NORMAL',
      rate: 0.01,
    });
  });
});

describe('pressure', () => {
  it('lowers the normal rate, says so in the rate, and comes back with hysteresis', () => {
    const policy = policyWith({ normalRate: 0.5 });
    expect(policy.adapt(0.49)).toBe(false);
    expect(policy.adapt(0.71)).toBe(true);
    expect(policy.normalRate()).toBeCloseTo(0.05);
    expect(policy.decide(subject({ randomness: 'ffffffffffffff' }))).toMatchObject({ keep: true, rate: 0.05 });
    expect(policy.adapt(0.65)).toBe(false);
    expect(policy.adapt(0.59)).toBe(true);
    expect(policy.normalRate()).toBeCloseTo(0.25);
    expect(policy.adapt(0.1)).toBe(true);
    expect(policy.normalRate()).toBe(0.5);
  });

  it('never touches what must be kept', () => {
    const policy = policyWith();
    policy.adapt(1);
    expect(policy.decide(subject({ status: 500 }))).toMatchObject({ keep: true, rate: 1, urgent: true });
  });
});

describe('the short way of ordinary lines', () => {
  it('comes to the same decision as the long way, or to none', () => {
    const lines = fc.record({
      level: fc.constantFrom('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
      route: fc.constantFrom(undefined, '/products', '/payments'),
      method: fc.constantFrom(undefined, 'GET', 'POST'),
      randomness: fc.constantFrom('00000000000000', '7fffffffffffff', 'fd70a3d70a3d70', 'ffffffffffffff'),
      rateHint: fc.constantFrom(undefined, { rule: 'NO_LOG', rate: 0 }, { rule: 'SAMPLING_HINT', rate: 0.5 }),
      neighbour: fc.constantFrom(undefined, { rule: 'CALLEE_KEPT', rate: 1, because: 'HAS_ERROR' }),
    } as const);
    const rules = fc.constantFrom<readonly SamplingRule[]>([], [{ name: 'products', rate: 0.5, route: '/products' }]);
    fc.assert(
      fc.property(lines, rules, fc.constantFrom(0, 0.01, 1), (line, own, normalRate) => {
        const policy = policyWith({ normalRate, rules: own, criticalRoutes: ['POST /payments'] });
        const decision = policy.decideOrdinaryLine(line.level, line);
        if (decision === undefined) return;
        const long = subject({ kind: 'line_in_scope', status: undefined, durationMs: undefined, ...line });
        expect(decision).toEqual(policy.decide(long));
      }),
    );
    const surroundings = {
      route: '/products',
      method: 'GET',
      randomness: '00000000000000',
      rateHint: undefined,
      neighbour: undefined,
    };
    expect(policyWith({ normalRate: 0.01 }).decideOrdinaryLine('info', surroundings)).toBeDefined();
  });
});
