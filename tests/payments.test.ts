/** The whole path, with real processes: a shop, its customers, a server; what was sent is compared with what is found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planPayment } from '../examples/payments/src/payment-plan.ts';
import type { PaymentStatus } from '../examples/payments/src/payment-status.ts';
import type { RequestRecord } from '../examples/payments/src/traffic.ts';
import { Pipeline } from './pipeline.ts';
import type { EventRecord, Ledger } from './server-client.ts';

const SEED = 3;
const PAYMENTS = 2000;
const CONCURRENCY = 5;

describe('2,000 payments at concurrency 5', () => {
  const from = new Date().toISOString();
  let pipeline: Pipeline;
  let records: readonly RequestRecord[];
  let ledger: Ledger;
  let to: string;

  const search = (q: string) => pipeline.client.search(q, from, to);
  const paymentsThat = (isMeant: (status: PaymentStatus) => boolean) =>
    records.filter(({ request }) => request.body !== undefined && isMeant(statusOf(request.body.number)));

  beforeAll(async () => {
    pipeline = await Pipeline.start({ seed: SEED, timeFactor: 0.05, normalRate: 0.1 });
    records = await pipeline.traffic({ payments: PAYMENTS, concurrency: CONCURRENCY });
    ledger = await pipeline.ledger(
      `${records.length} events to be accounted for`,
      ({ totals }) => totals.emitted >= records.length && totals.inFlight === 0 && totals.stored === totals.kept,
    );
    to = new Date(Date.now() + 1000).toISOString();
  }, 120_000);

  afterAll(async () => {
    await pipeline?.end();
  });

  it('the shop answers each request as was planned', () => {
    for (const { request, received } of records) expect(received, request.requestId).toEqual(request.expected);
    expect(records.filter(({ request }) => request.body !== undefined)).toHaveLength(PAYMENTS);
  });

  it('every failed payment is found by its code, with its steps, services, rule and nothing else', async () => {
    const failed = paymentsThat((status) => !status.isSuccess);
    expect(failed.length).toBeGreaterThan(150);
    const codes = new Set(failed.map(({ request }) => request.expected.code));
    expect(codes.size).toBeGreaterThanOrEqual(7);
    for (const code of codes) {
      const found = await search(`error.code:${code}`);
      const expected = failed.filter(({ request }) => request.expected.code === code);
      expect(idsOf(found), String(code)).toEqual(expected.map(({ request }) => request.requestId).sort());
      for (const event of found) expectPaymentEvent(event, records, 'HAS_ERROR');
    }
  });

  it('every slow payment is found by the rule that kept it', async () => {
    const slow = paymentsThat((status) => status.isSlow);
    expect(slow.length).toBeGreaterThan(80);
    const found = await search('route:/payments sampling.rule:SLOW_REQUEST');
    // On a busy machine an ordinary payment can be slow too, and is then rightly among them.
    expect(idsOf(found)).toEqual(expect.arrayContaining(slow.map(({ request }) => request.requestId)));
    for (const event of found) expectPaymentEvent(event, records, 'SLOW_REQUEST');
    for (const code of ['SLOW_GATEWAY_SUCCESS', 'SLOW_ORDER_SUCCESS']) {
      const expected = slow.filter(({ request }) => request.expected.code === code);
      const ofCode = await search(`payment.status:${code} -level:error`);
      expect(idsOf(ofCode), code).toEqual(expected.map(({ request }) => request.requestId).sort());
    }
  });

  it('a failure is found by the service that failed', async () => {
    for (const service of ['balance-service', 'payment-gateway', 'order-service'] as const) {
      const failed = paymentsThat((status) => !status.isSuccess && status.service === service);
      const found = await search(`service:${service} level:error`);
      expect(idsOf(found), service).toEqual(failed.map(({ request }) => request.requestId).sort());
    }
  });

  it('the weighted count of all requests covers their true number, and the count of errors is exact', async () => {
    const all = await pipeline.client.query({ from, to, aggregates: [{ fn: 'count' }] });
    const estimate = all.rows[0]?.count;
    expect(all.meta.accuracy).toBe('estimated');
    expect(estimate).toEqual({ value: expect.any(Number), low: expect.any(Number), high: expect.any(Number) });
    const { low, high } = estimate as { low: number; high: number };
    expect(low).toBeLessThanOrEqual(records.length);
    expect(high).toBeGreaterThanOrEqual(records.length);
    // Nine tenths of the normal events were let go, so an interval as wide as the number itself would say nothing.
    expect(high - low).toBeLessThan(records.length / 4);

    const failed = await pipeline.client.query({
      from,
      to,
      where: 'route:/payments level:error',
      aggregates: [{ fn: 'count' }],
    });
    expect(failed.meta.accuracy).toBe('exact');
    expect(failed.rows[0]?.count).toBe(paymentsThat((status) => !status.isSuccess).length);
  });

  it('the ledger is exact to the last event', async () => {
    const { totals } = ledger;
    expect(totals.emitted).toBe(records.length);
    expect(totals.kept + totals.sampledOut).toBe(records.length);
    expect(totals).toMatchObject({ stored: totals.kept, inFlight: 0, dead: 0, dropped: 0, missing: 0 });
    const found = await search('');
    expect(found).toHaveLength(totals.stored);
    expect(new Set(found.map((event) => event.event_id)).size).toBe(totals.stored);
  });

  it('no card number and no e-mail address reaches the store', async () => {
    for (const event of await search('')) {
      const text = JSON.stringify(event);
      expect(text).not.toMatch(/4242424242424242|5555 5555 5555 4444|378282246310005|6011-1111-1111-1117|customer\d+@/);
    }
  });
});

function statusOf(payment: number): PaymentStatus {
  return planPayment(SEED, payment).status;
}

function idsOf(events: readonly EventRecord[]): readonly unknown[] {
  return events.map((event) => event.request_id).sort();
}

function expectPaymentEvent(event: EventRecord, records: readonly RequestRecord[], rule: string): void {
  const record = records.find(({ request }) => request.requestId === event.request_id);
  const body = record?.request.body;
  if (record === undefined || body === undefined) throw new Error(`nobody sent the payment ${event.request_id}`);
  const plan = planPayment(SEED, body.number);
  expect(event).toMatchObject({
    route: '/payments',
    method: 'POST',
    status: plan.status.httpStatus,
    'sampling.rule': rule,
    'sampling.rate': 1,
    'payment.number': body.number,
    'payment.status': plan.status.code,
    trace_id: record.request.traceparent.split('-')[1],
  });
  const steps = plan.steps.map((step) => ({
    service: step.service,
    duration_ms: expect.any(Number),
    ...(step.status?.isSuccess === false ? { outcome: 'error', code: step.status.code } : { outcome: 'ok' }),
  }));
  expect(event.steps).toHaveLength(steps.length);
  expect(event.steps).toMatchObject(steps);
  if (!plan.status.isSuccess) {
    expect(event).toMatchObject({ level: 'error', service: plan.status.service, 'error.code': plan.status.code });
  }
}
