/** Delivery as the application's thread sees it: started, woken, flushed, closed. */

import { faultsOfRoutes } from './check-routes.ts';
import { createClock } from './clock.ts';
import { makeSinkWhenNeeded } from './make-sink.ts';
import { stageOfSpec, startEngine } from './start-engine.ts';
import type { Delivery, DeliveryOptions, DeliveryReport } from './types.ts';
import { WorkerDelivery } from './worker-delivery.ts';
import { findWorkerFile } from './worker-file.ts';

/**
 * Starts to deliver a spool: in a worker thread, or inline where there is none. Neither keeps the process alive; only a
 * `flush`, `close` or `stats` that somebody waits for does, for as long as its time-out says.
 *
 * @throws TypeError where the routes are wrong: it names every fault.
 */
export function startDelivery(options: DeliveryOptions): Delivery {
  const faults = faultsOfRoutes(options.routes);
  if (faults.length > 0) throw new TypeError(`routes: ${faults.join('; ')}`);
  const isolated = { ...options, onReport: isolate(options.onReport) };
  if (options.mode === 'inline' || options.openMemoryReader !== undefined) return deliverInline(isolated);
  const file = findWorkerFile(import.meta.url);
  if (file === undefined) {
    isolated.onReport({
      kind: 'notice',
      code: 'delivery_inline',
      message: 'the file of the delivery worker was not found (bundled?): delivery runs on the main thread',
    });
    return deliverInline(isolated);
  }
  return new WorkerDelivery(isolated, file, () => deliverInline(isolated));
}

function deliverInline(options: DeliveryOptions): Delivery {
  const engine = startEngine(
    {
      spoolRoot: options.spoolRoot,
      directory: options.directory,
      openMemoryReader: options.openMemoryReader,
      clock: createClock(true),
      alertWebhookUrl: options.alertWebhookUrl,
      onReport: options.onReport,
    },
    options.routes.map(({ sinks, ...route }) => ({
      options: route,
      stages: sinks.map(stageOfSpec),
      makeSinks: (context) =>
        sinks.map((spec) => (spec.kind === 'main' ? spec.sink : makeSinkWhenNeeded(spec, context))),
    })),
  );
  return {
    wake: () => engine.wake(),
    alert: (text) => engine.alert(text),
    flush: (timeoutMs) => holdProcess(engine.flush(timeoutMs)),
    close: (timeoutMs) => holdProcess(engine.close(timeoutMs)),
    stats: () => holdProcess(engine.stats()),
    replayDeadLetters: (route, timeoutMs) => holdProcess(engine.replayDeadLetters(route, timeoutMs)),
  };
}

/** The engine's timers don't keep the process alive; what somebody waits for does. */
async function holdProcess<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}

/** A listener that throws must not stop delivery. */
function isolate(onReport: (report: DeliveryReport) => void): (report: DeliveryReport) => void {
  return (report) => {
    try {
      onReport(report);
    } catch {
      // Nobody is left to tell.
    }
  };
}
