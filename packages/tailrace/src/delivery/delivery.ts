/** Delivery as the application's thread sees it: started, woken, flushed, closed. */

import { faultsOfRoutes } from './check-routes.ts';
import { describeFailure } from './failure.ts';
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
  if (options.mode === 'inline' || options.openMemoryReader !== undefined) return loadInline(isolated);
  return new WorkerDelivery(
    isolated,
    () => findWorkerFile(import.meta.url),
    () => loadInline(isolated),
  );
}

/**
 * Delivery on this thread. Its code is half of the library, and where a worker delivers the application's thread never runs
 * it: so it is loaded where it is needed, and what is asked of it meanwhile waits for it.
 */
function loadInline(options: DeliveryOptions): Delivery {
  let inline: Delivery | undefined;
  const loading = import('./inline.ts').then(
    ({ deliverInline }) => {
      inline = deliverInline(options);
      return inline;
    },
    (error: unknown) => {
      const message = `delivery can't be loaded, events stay where they are: ${describeFailure(error).message}`;
      options.onReport({ kind: 'notice', code: 'delivery_not_loaded', message });
      return undefined;
    },
  );
  return {
    // It looks by itself when it starts.
    wake: () => inline?.wake(),
    alert(text) {
      void loading.then((delivery) => delivery?.alert(text));
    },
    flush: async (timeoutMs) => (await loading)?.flush(timeoutMs) ?? false,
    close: async (timeoutMs) => (await loading)?.close(timeoutMs),
    stats: async () => (await loading)?.stats() ?? [],
    async replayDeadLetters(route, timeoutMs) {
      const delivery = await loading;
      if (delivery === undefined) throw new Error("delivery can't be loaded: dead letters stay where they are");
      return delivery.replayDeadLetters(route, timeoutMs);
    },
  };
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
