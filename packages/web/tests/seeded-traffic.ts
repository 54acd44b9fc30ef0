/**
 * Plausible payment traffic for a server on this machine, to look at the screens with: the same from the same seed.
 *
 *   npx tsx packages/web/tests/seeded-traffic.ts --url http://127.0.0.1:7300 --minutes 60 --follow
 *
 * Sends the last minutes at once and, with `--follow`, goes on in real time. With `--missing` one producer has lost
 * events without a reason, and another has dropped some with one.
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: process.env.TAILRACE_URL ?? 'http://127.0.0.1:7300' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '7' },
    follow: { type: 'boolean', default: false },
    missing: { type: 'boolean', default: false },
  },
});

type Fields = Record<string, unknown>;

/** Mulberry32: small, fast, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = createRandom(Number(values.seed));
const between = (low: number, high: number) => low + (high - low) * random();
const pick = <T>(items: readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};
const hex = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');

const GATEWAY_ERRORS = [
  ['INSUFFICIENT_FUNDS', 'insufficient funds on the card', 400, 40],
  ['GATEWAY_TIMEOUT', 'the gateway did not answer within 2,000 ms', 500, 20],
  ['CARD_EXPIRED', 'card has expired', 400, 15],
  ['GATEWAY_REJECTED', 'card declined by its bank', 400, 15],
  ['FRAUD_DETECTION', 'refused by fraud detection', 400, 7],
  ['ACCOUNT_LOCKED', 'the account is locked', 400, 2],
  ['MAINTENANCE_WINDOW', 'the gateway is in maintenance', 400, 1],
] as const;

const NORMAL_RATE = 0.05;
const SLOW_MS = 1000;

/** One boot of one service: numbers what it keeps, and keeps its account. */
class Producer {
  readonly #id: string;
  readonly #service: string;
  readonly #host: string;
  readonly #started: string;
  readonly #kept: Record<string, number> = {};
  readonly #sampledOut: Record<string, number> = {};
  readonly #dropped: Record<string, { count: number; sequences: [number, number][] }> = {};
  #sequence = 0;
  #lines: string[] = [];

  constructor(service: string, host: string, startedMs: number) {
    this.#service = service;
    this.#host = host;
    this.#started = new Date(startedMs).toISOString();
    this.#id = `0m${Array.from({ length: 11 }, () => pick([...'0123456789abcdefghjkmnpqrstvwxyz'])).join('')}`;
  }

  emit(atMs: number, fields: Fields, rule: string, rate: number): void {
    if (rate < 1 && random() >= rate) {
      this.#sampledOut[rule] = (this.#sampledOut[rule] ?? 0) + 1;
      return;
    }
    this.#kept[rule] = (this.#kept[rule] ?? 0) + 1;
    this.#sequence += 1;
    const event = {
      schema: 'tailrace/event/v1',
      event_id: `${this.#id}-${this.#sequence}`,
      timestamp: new Date(atMs).toISOString(),
      level: 'info',
      service: this.#service,
      version: '1.8.2',
      environment: 'demo',
      host: this.#host,
      ...fields,
      'sampling.rule': rule,
      'sampling.rate': rate,
    };
    this.#lines.push(JSON.stringify(event));
  }

  /** Events that never leave: named in the account, or not. */
  lose(count: number, reason: string | undefined): void {
    const from = this.#sequence + 1;
    this.#sequence += count;
    this.#kept.SAMPLED_NORMAL = (this.#kept.SAMPLED_NORMAL ?? 0) + count;
    if (reason !== undefined) this.#dropped[reason] = { count, sequences: [[from, this.#sequence]] };
  }

  /** What waits to be sent, with the account at its end. */
  take(nowMs: number): string[] {
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);
    const account = {
      schema: 'tailrace/ledger/v1',
      producer: this.#id,
      service: this.#service,
      host: this.#host,
      pid: 4000 + this.#host.length,
      started: this.#started,
      timestamp: new Date(nowMs).toISOString(),
      emitted: this.#sequence + sum(this.#sampledOut),
      sequence: this.#sequence,
      kept: this.#kept,
      sampled_out: this.#sampledOut,
      dropped: this.#dropped,
      dead: {},
      closed: false,
    };
    const lines = [...this.#lines, JSON.stringify(account)];
    this.#lines = [];
    return lines;
  }
}

function pay(shop: Producer, gateway: Producer, atMs: number): void {
  const ids = { request_id: `req_${hex(10)}`, trace_id: hex(32), span_id: hex(16) };
  const user = { 'user.id': `u_${Math.floor(between(1, 400))}`, 'user.role': 'customer' };
  const card = {
    'payment.amount': Math.round(between(500, 90_000)) / 100,
    'payment.currency': pick(['EUR', 'KRW', 'USD']),
  };
  const request = { route: '/payments', method: 'POST', ...ids, ...user, ...card };
  const balance = { name: 'balance check', service: 'balance', duration_ms: round(between(10, 50)), outcome: 'ok' };
  if (random() < 0.05) {
    const steps = [{ ...balance, outcome: 'error', code: 'INSUFFICIENT_BALANCE' }];
    const error = {
      'error.code': 'INSUFFICIENT_BALANCE',
      'error.type': 'PaymentFailedError',
      'error.message': 'balance too low',
    };
    const duration_ms = round(balance.duration_ms + 2);
    shop.emit(
      atMs,
      { ...request, level: 'error', service: 'balance', status: 400, duration_ms, steps, ...error },
      'HAS_ERROR',
      1,
    );
    return;
  }
  const isBad = random() < 0.05;
  const isSlow = !isBad && random() < 0.05;
  const [code, message, status] = pick(
    GATEWAY_ERRORS.flatMap((fault) => Array.from({ length: fault[3] }, () => fault)),
  );
  const gatewayMs = round(
    isSlow ? between(1990, 2040) : isBad && status === 500 ? between(2000, 2010) : between(40, 180),
  );
  const call = {
    name: 'gateway',
    service: 'gateway',
    duration_ms: gatewayMs,
    outcome: isBad ? 'error' : 'ok',
    ...(isBad ? { code } : {}),
  };
  const order = { name: 'order confirmation', service: 'order', duration_ms: round(between(15, 60)), outcome: 'ok' };
  const steps = isBad ? [balance, call] : [balance, call, order];
  const duration_ms = round(steps.reduce((sum, step) => sum + step.duration_ms, 3));
  const inner = { request_id: ids.request_id, trace_id: ids.trace_id, span_id: hex(16), parent_span_id: ids.span_id };
  const charge = { ...inner, route: '/charges', method: 'POST', message: 'charge a card', duration_ms: gatewayMs };
  if (isBad) {
    const error = { 'error.code': code, 'error.type': 'PaymentFailedError', 'error.message': message };
    const stack = `PaymentFailedError: ${message}\n    at Gateway.charge (gateway.ts:88:11)\n    at Payments.pay (payments.controller.ts:41:5)`;
    gateway.emit(atMs + balance.duration_ms, { ...charge, level: 'error', status, ...error }, 'HAS_ERROR', 1);
    const failed = {
      ...request,
      level: 'error',
      service: 'gateway',
      status,
      duration_ms,
      steps,
      ...error,
      'error.stack': stack,
    };
    shop.emit(atMs, failed, 'HAS_ERROR', 1);
  } else {
    gateway.emit(
      atMs + balance.duration_ms,
      { ...charge, status: 200 },
      isSlow ? 'SLOW_REQUEST' : 'SAMPLED_NORMAL',
      isSlow ? 1 : NORMAL_RATE,
    );
    const paid = { ...request, level: isSlow ? 'warn' : 'info', service: 'order', status: 201, duration_ms, steps };
    const rule = duration_ms > SLOW_MS ? 'SLOW_REQUEST' : 'CRITICAL_ROUTE';
    shop.emit(atMs, { ...paid, message: isSlow ? 'SLOW_GATEWAY_SUCCESS' : 'SUCCESS' }, rule, 1);
  }
}

function browse(shop: Producer, atMs: number): void {
  const route = pick(['/products', '/products', '/products/:id', '/products/:id', '/products/:id', '/health']);
  const fields = {
    route,
    method: 'GET',
    request_id: `req_${hex(10)}`,
    trace_id: hex(32),
    service: route === '/health' ? 'shop' : 'catalogue',
  };
  const duration_ms = round(route === '/health' ? between(0.2, 1.5) : between(3, 40));
  shop.emit(atMs, { ...fields, status: 200, duration_ms, message: `GET ${route}` }, 'SAMPLED_NORMAL', NORMAL_RATE);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

async function send(producers: readonly Producer[]): Promise<void> {
  for (const producer of producers) {
    const lines = producer.take(Date.now());
    for (let i = 0; i < lines.length; i += 2000) {
      const body = lines.slice(i, i + 2000).join('\n');
      const key = process.env.TAILRACE_INGEST_KEY;
      const headers = {
        'content-type': 'application/x-ndjson',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      };
      const response = await fetch(`${values.url}/v1/events`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    }
  }
}

const spanMs = Number(values.minutes) * 60_000;
const startMs = Date.now() - spanMs;
const shop = new Producer('shop', 'shop-1', startMs);
const gateway = new Producer('gateway', 'pay-2', startMs + 60_000);
const producers = [shop, gateway];

/** One second of traffic, livelier around the middle of each ten minutes. */
function second(atMs: number): void {
  const tide = 1 + 0.5 * Math.sin(atMs / 95_000) + 0.3 * Math.sin(atMs / 17_000);
  for (let i = between(0, 2.4 * tide); i > 0.5; i -= 1) pay(shop, gateway, atMs + between(0, 999));
  for (let i = between(0, 14 * tide); i > 0.5; i -= 1) browse(shop, atMs + between(0, 999));
}

for (let atMs = startMs; atMs < Date.now() - 1000; atMs += 1000) second(atMs);
if (values.missing) {
  gateway.lose(37, undefined);
  shop.lose(120, 'spool_full');
}
await send(producers);
process.stdout.write(`sent ${values.minutes} minutes\n`);
while (values.follow) {
  second(Date.now() - 1000);
  await send(producers);
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
