/** What every contender does: the same request, told in its own way, to a file. */
import { PAYMENT_STEPS, type PaymentRequest, paymentRequest, work } from '../work.ts';

export interface Contender {
  /** Does one request and logs it. */
  request(n: number): Promise<void>;
  /** Writes out what is held back, so that the lines can be counted. */
  close(): Promise<void>;
}

/** Makes a contender that writes below this folder. */
export type CreateContender = (folder: string) => Contender | Promise<Contender>;

/** One line of NDJSON as a line logger writes it: the whole request in one object. */
export type WideLine = Readonly<Record<string, unknown>>;

/** The service that all of them say they are. */
export const SERVICE = { service: 'payments', version: '1.0.0', environment: 'bench' } as const;

/** For a logger of lines: does the request, measures its three steps, and hands over the same data as one object. */
export async function inOneLine(n: number, log: (line: WideLine) => void): Promise<void> {
  const { attributes, user, ...request } = paymentRequest(n);
  const started = performance.now();
  const steps: object[] = [];
  for (const step of PAYMENT_STEPS) {
    const stepStarted = performance.now();
    await work();
    steps.push({ ...step, duration_ms: performance.now() - stepStarted, outcome: 'ok' });
  }
  log({ ...request, ...attributes, user, status: 200, duration_ms: performance.now() - started, steps });
}

/** How services log without wide events: this many lines of text for each request, with the ids on each of them. */
export const LINES_PER_REQUEST = 20;

export type LogLine = (message: string, fields: WideLine) => void;

/** For a logger of lines: twenty lines, some with the request's data, all with its ids. */
export async function inTwentyLines(n: number, log: LogLine): Promise<void> {
  const request = paymentRequest(n);
  await twentyLines(request, (message, fields) =>
    log(message, { request_id: request.request_id, trace_id: request.trace_id, ...fields }),
  );
}

/** The twenty lines themselves, for loggers that know the request's ids on their own. */
export async function twentyLines({ user, attributes }: PaymentRequest, log: LogLine): Promise<void> {
  log('request started', { 'user.id': user.id });
  for (const { name, service } of PAYMENT_STEPS) {
    log('step started', { step: name, 'step.service': service });
    for (let line = 0; line < 4; line += 1) log('step is under way', { step: name, 'step.line': line });
    await work();
    log('step ended', { step: name, 'step.outcome': 'ok' });
  }
  log('request ended', { ...attributes, status: 200 });
}
