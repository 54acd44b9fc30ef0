import { describe, expect, it } from 'vitest';
import { planPayment } from './payment-plan.ts';
import { PaymentStatus } from './payment-status.ts';
import { planVisit } from './traffic.ts';

const PAYMENTS = 200_000;

describe('the payments of a seed', () => {
  it('are the same however often and in whatever order they are asked for', () => {
    const forward = Array.from({ length: 100 }, (_, i) => planPayment(7, i + 1));
    const backward = Array.from({ length: 100 }, (_, i) => planPayment(7, 100 - i)).reverse();
    expect(backward).toEqual(forward);
    expect(Array.from({ length: 100 }, (_, i) => planPayment(8, i + 1))).not.toEqual(forward);
  });

  it('end as often in each way as the shop promises', () => {
    const counts = new Map<string, number>();
    for (let number = 1; number <= PAYMENTS; number += 1) {
      const { code } = planPayment(1, number).status;
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    const gateway = 0.95;
    const failures = gateway * 0.05;
    const order = gateway * 0.95;
    const share: Record<string, number> = {
      INSUFFICIENT_BALANCE: 0.05,
      INSUFFICIENT_FUNDS: failures * 0.4,
      GATEWAY_TIMEOUT: failures * 0.2,
      CARD_EXPIRED: failures * 0.15,
      GATEWAY_REJECTED: failures * 0.15,
      FRAUD_DETECTION: failures * 0.07,
      ACCOUNT_LOCKED: failures * 0.02,
      MAINTENANCE_WINDOW: failures * 0.01,
      SLOW_GATEWAY_SUCCESS: gateway * 0.05 * (1 - 0.007),
      SLOW_ORDER_SUCCESS: gateway * 0.9 * 0.01,
      ORDER_CONFIRMATION_FAILED: order * 0.005,
      ORDER_ERROR: order * 0.002,
      SUCCESS: gateway * 0.9 * 0.983,
    };
    expect([...counts.keys()].sort()).toEqual(Object.keys(share).sort());
    for (const [code, p] of Object.entries(share)) {
      // Five standard deviations of a binomial count: a right program fails this once in a million seeds.
      const expected = PAYMENTS * p;
      expect(Math.abs((counts.get(code) ?? 0) - expected), code).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it('take as long in each step as the shop promises', () => {
    for (let number = 1; number <= 5_000; number += 1) {
      const { steps, status } = planPayment(1, number);
      const services = steps.map((step) => step.service);
      expect(services).toEqual(['balance-service', 'payment-gateway', 'order-service'].slice(0, steps.length));
      if (!status.isSuccess) expect(services.at(-1)).toBe(status.service);
      expect(steps[0]?.latencyMs).toBeGreaterThanOrEqual(10);
      expect(steps[0]?.latencyMs).toBeLessThan(50);
      const totalMs = steps.reduce((sum, step) => sum + step.latencyMs, 0);
      const hasSlowStep = steps.some((step) => step.status?.isSlow || step.status === PaymentStatus.GATEWAY_TIMEOUT);
      expect(totalMs > 2000, `payment ${number}`).toBe(hasSlowStep);
    }
  });
});

describe('a status', () => {
  it('is found by its code, and answers with 500 for a time-out and 400 for any other failure', () => {
    expect(PaymentStatus.all()).toHaveLength(14);
    for (const status of PaymentStatus.all()) {
      expect(PaymentStatus.of(status.code)).toBe(status);
      const expected = status === PaymentStatus.GATEWAY_TIMEOUT ? 500 : status.code.includes('SUCCESS') ? 201 : 400;
      expect(status.httpStatus, status.code).toBe(expected);
    }
    expect(JSON.stringify({ status: PaymentStatus.CARD_EXPIRED })).toBe('{"status":"CARD_EXPIRED"}');
    expect(PaymentStatus.of('NO_SUCH_CODE')).toBeUndefined();
  });
});

describe('the traffic of a seed', () => {
  it('is the same each time, and each request has ids of its own', () => {
    const visits = Array.from({ length: 2000 }, (_, i) => planVisit(3, i + 1)).flat();
    expect(Array.from({ length: 2000 }, (_, i) => planVisit(3, i + 1)).flat()).toEqual(visits);
    expect(new Set(visits.map((request) => request.requestId)).size).toBe(visits.length);
    expect(new Set(visits.map((request) => request.traceparent)).size).toBe(visits.length);
    expect(visits.filter((request) => request.method === 'POST')).toHaveLength(2000);
    expect(new Set(visits.map((request) => request.route))).toEqual(
      new Set(['/payments', '/products', '/products/:id', '/health']),
    );
  });
});
