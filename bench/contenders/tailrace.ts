/** Tailrace: one wide event for each request, in the spool on disk, and from there to a file by its worker thread. */
import { join } from 'node:path';
import { createTailrace, fileSink, type TailraceOptions } from 'tailrace';
import { PAYMENT_STEPS, paymentRequest, work } from '../work.ts';
import { type Contender, type CreateContender, SERVICE, twentyLines } from './contender.ts';

const CLOSE_MS = 60_000;

/** Percent by which the gate's own test makes each request dearer. */
const SLOW_DOWN = Number(process.env.TAILRACE_BENCH_SLOW_DOWN ?? 0);
/** What a request costs about, in µs: the slow-down is a share of it. */
const REQUEST_US = 35;

function beSlow(): void {
  const endMs = performance.now() + (REQUEST_US * SLOW_DOWN) / 100_000;
  while (performance.now() < endMs);
}

function open(folder: string, options: TailraceOptions) {
  return createTailrace({
    ...SERVICE,
    dataDir: folder,
    routes: [{ name: 'file', sinks: [fileSink({ path: join(folder, 'tailrace.ndjson') })] }],
    ...options,
  });
}

function wideEvents(options: TailraceOptions): CreateContender {
  return (folder): Contender => {
    const log = open(folder, { sampling: { normalRate: 1 }, ...options });
    return {
      request(n) {
        if (SLOW_DOWN > 0) beSlow();
        const { attributes, user, ...request } = paymentRequest(n);
        return log.run(request, async () => {
          log.set({ user, ...attributes });
          for (const { name, service } of PAYMENT_STEPS) await log.step(name, { service }, work);
          log.set({ status: 200 });
        });
      },
      close: () => log.close(CLOSE_MS),
    };
  };
}

export const tailrace = wideEvents({});
export const tailraceWithoutRedaction = wideEvents({ redaction: false });

/** As it comes: 1 % of the normal requests kept, with their lines. */
export const tailraceTwentyLines: CreateContender = (folder) => {
  const tailrace = open(folder, {});
  return {
    request(n) {
      const payment = paymentRequest(n);
      const { attributes: _, user, ...request } = payment;
      return tailrace.run(request, () => {
        tailrace.set({ user });
        return twentyLines(payment, (message, fields) => tailrace.log.info(message, fields));
      });
    },
    close: () => tailrace.close(CLOSE_MS),
  };
};
