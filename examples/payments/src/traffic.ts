/**
 * The customers: they pay, and look at the catalogue before and after. Each request is planned from the seed, so it is
 * known beforehand what the shop must answer; each answer goes, next to what was expected, to whoever keeps the log of
 * truth.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { planPayment } from './payment-plan.ts';
import type { PaymentRequest } from './payment-request.ts';
import { PRODUCTS } from './products.ts';
import { between, type Random, randomStream, weighted } from './random.ts';

export interface PlannedRequest {
  readonly requestId: string;
  readonly traceparent: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly route: string;
  readonly body: PaymentRequest | undefined;
  readonly expected: Outcome;
}

/** How a request ended: for a payment `code` is its status, for anything else `undefined`. */
export interface Outcome {
  readonly httpStatus: number;
  readonly code: string | undefined;
}

/** One line of the log of truth. */
export interface RequestRecord {
  readonly request: PlannedRequest;
  /** Milliseconds since 1970 at which the request was sent. */
  readonly sentAt: number;
  readonly latencyMs: number;
  /** What the shop answered, or why there was no answer. */
  readonly received: Outcome | { readonly unreachable: string };
}

export interface TrafficOptions {
  /** Where the shop is: `http://127.0.0.1:7310`. */
  readonly url: string;
  readonly seed: number;
  /** Number of the first payment. @defaultValue 1 */
  readonly firstPayment?: number;
  /** Payments to send; without it the traffic goes on until the signal. */
  readonly payments?: number | undefined;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly onRequest: (record: RequestRecord) => void;
}

/** How long a customer waits before trying again when the shop can't be reached, in milliseconds. */
const UNREACHABLE_PAUSE_MS = 200;

/** Test cards of the large brands: real in form, so redaction has to find them. */
const CARDS = ['4242424242424242', '5555 5555 5555 4444', '378282246310005', '6011-1111-1111-1117'] as const;

/** Sends the traffic; resolves when every payment is answered, or the signal came. */
export async function sendTraffic(options: TrafficOptions): Promise<void> {
  const first = options.firstPayment ?? 1;
  const end = first + (options.payments ?? Number.POSITIVE_INFINITY);
  const isStopped = () => options.signal?.aborted === true;
  let next = first;
  const customer = async () => {
    while (next < end && !isStopped()) {
      const number = next;
      next += 1;
      for (const request of planVisit(options.seed, number)) {
        if (isStopped()) return;
        const record = await send(options.url, request);
        options.onRequest(record);
        if ('unreachable' in record.received) await sleep(UNREACHABLE_PAUSE_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, customer));
}

/** The requests around one payment: the payment itself, and up to three others. */
export function planVisit(seed: number, payment: number): readonly PlannedRequest[] {
  const random = randomStream(seed, 'traffic', payment);
  const visit: PlannedRequest[] = [];
  const add = (method: 'GET' | 'POST', path: string, route: string, expected: Outcome, body?: PaymentRequest) => {
    const requestId = `visit-${seed}-${payment}-${visit.length + 1}`;
    const traceparent = `00-${hex(random, 16)}-${hex(random, 8)}-02`;
    visit.push({ requestId, traceparent, method, path, route, body, expected });
  };

  const others = weighted(random, [
    [0, 40],
    [1, 30],
    [2, 20],
    [3, 10],
  ]);
  for (let i = 0; i < others; i += 1) {
    const share = random();
    if (share < 0.3) add('GET', '/products', '/products', { httpStatus: 200, code: undefined });
    else if (share < 0.85) {
      const product = PRODUCTS[Math.floor(random() * PRODUCTS.length)]?.id ?? '';
      add('GET', `/products/${product}`, '/products/:id', { httpStatus: 200, code: undefined });
    } else if (share < 0.87) {
      add('GET', '/products/unicorn', '/products/:id', { httpStatus: 404, code: undefined });
    } else add('GET', '/health', '/health', { httpStatus: 200, code: undefined });
  }

  const { status } = planPayment(seed, payment);
  const expected = { httpStatus: status.httpStatus, code: status.code };
  add('POST', '/payments', '/payments', expected, planPaymentRequest(random, payment));
  return visit;
}

function planPaymentRequest(random: Random, number: number): PaymentRequest {
  const user = Math.floor(between(random, 1, 500));
  return {
    number,
    amount: Math.round(between(random, 500, 50_000)) / 100,
    currency: weighted(random, [
      ['EUR', 5],
      ['USD', 3],
      ['KRW', 2],
    ]),
    card: CARDS[Math.floor(random() * CARDS.length)] ?? CARDS[0],
    email: `customer${user}@example.com`,
    userId: `user-${user}`,
  };
}

async function send(url: string, request: PlannedRequest): Promise<RequestRecord> {
  const sentAt = Date.now();
  const start = performance.now();
  let received: RequestRecord['received'];
  try {
    const response = await fetch(url + request.path, {
      method: request.method,
      headers: {
        'content-type': 'application/json',
        'x-request-id': request.requestId,
        traceparent: request.traceparent,
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
    });
    const body: unknown = await response.json();
    received = { httpStatus: response.status, code: request.method === 'POST' ? readStatus(body) : undefined };
  } catch (error) {
    received = { unreachable: describeFailure(error) };
  }
  return { request, sentAt, latencyMs: performance.now() - start, received };
}

function readStatus(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('status' in body)) return undefined;
  return typeof body.status === 'string' ? body.status : undefined;
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function hex(random: Random, bytes: number): string {
  let text = '';
  for (let i = 0; i < bytes; i += 1) {
    text += Math.floor(random() * 256)
      .toString(16)
      .padStart(2, '0');
  }
  return text;
}
