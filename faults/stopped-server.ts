/**
 * The server stopped under traffic: the shop does not notice, and afterwards everything arrives.
 *
 * Three spans of the same traffic, one after the other: the server up, the server killed (connections refused), the
 * server frozen (connections taken, never answered). For each span the time that requests took beyond what their services
 * were told to take is reported.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { planPayment } from '../examples/payments/src/payment-plan.ts';
import type { RequestRecord } from '../examples/payments/src/traffic.ts';
import { Pipeline } from '../tests/pipeline.ts';
import type { LedgerTotals } from '../tests/server-client.ts';

export interface StoppedServerOptions {
  /** Length of each span. */
  readonly seconds: number;
  readonly seed: number;
  readonly concurrency: number;
  readonly say: (line: string) => void;
}

export interface Span {
  readonly name: 'up' | 'killed' | 'frozen';
  readonly requests: number;
  /** Requests that were not answered as planned. */
  readonly wrong: number;
  /** Milliseconds beyond the planned ones, at these percentiles. */
  readonly extraMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
}

export interface StoppedServerReport {
  readonly spans: readonly Span[];
  readonly requests: number;
  /** The ledger when everything has arrived. */
  readonly ledger: LedgerTotals;
}

const TIME_FACTOR = 0.1;
const WARM_UP_MS = 1500;
const ARRIVAL_TIMEOUT_MS = 120_000;
const PAYMENTS_OF_A_SPAN = 1_000_000;

export async function stopServerUnderTraffic(options: StoppedServerOptions): Promise<StoppedServerReport> {
  const pipeline = await Pipeline.start({ seed: options.seed, timeFactor: TIME_FACTOR, normalRate: 1 });
  let requests = 0;
  let payment = 1;

  const send = async (ms: number) => {
    const stop = new AbortController();
    const traffic = pipeline.traffic({
      firstPayment: payment,
      concurrency: options.concurrency,
      signal: stop.signal,
    });
    payment += PAYMENTS_OF_A_SPAN;
    await sleep(ms);
    stop.abort();
    const records = await traffic;
    requests += records.length;
    return records;
  };
  const measure = async (name: Span['name']) => {
    const span = describeSpan(name, await send(options.seconds * 1000), options.seed);
    options.say(`${name}: ${JSON.stringify(span)}`);
    return span;
  };

  try {
    await send(WARM_UP_MS);
    const up = await measure('up');
    await pipeline.endServer('SIGKILL');
    const killed = await measure('killed');
    await pipeline.startServer();
    pipeline.signalServer('SIGSTOP');
    const frozen = await measure('frozen');
    pipeline.signalServer('SIGCONT');
    const { totals } = await pipeline.ledger(
      `all ${requests} events`,
      // The events that told of the server's absence are dropped, since the server was where they would have gone.
      (ledger) =>
        ledger.totals.emitted >= requests && ledger.totals.stored + ledger.totals.dropped === ledger.totals.kept,
      ARRIVAL_TIMEOUT_MS,
    );
    return { spans: [up, killed, frozen], requests, ledger: totals };
  } catch (error) {
    options.say(pipeline.logs().slice(-20_000));
    throw error;
  } finally {
    pipeline.signalServer('SIGCONT');
    await pipeline.end();
  }
}

function describeSpan(name: Span['name'], records: readonly RequestRecord[], seed: number): Span {
  const extra = records.map((record) => record.latencyMs - plannedMs(record, seed)).sort((a, b) => a - b);
  const at = (share: number) => {
    const index = Math.min(extra.length - 1, Math.floor(extra.length * share));
    return Math.round((extra[index] ?? Number.NaN) * 10) / 10;
  };
  const wrong = records.filter(({ request, received }) => {
    return 'unreachable' in received || received.httpStatus !== request.expected.httpStatus;
  });
  return {
    name,
    requests: records.length,
    wrong: wrong.length,
    extraMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
  };
}

function plannedMs({ request }: RequestRecord, seed: number): number {
  if (request.body === undefined) return 0;
  const { steps } = planPayment(seed, request.body.number);
  return steps.reduce((sum, step) => sum + Math.ceil(step.latencyMs * TIME_FACTOR), 0);
}
