/**
 * evlog: one wide event for each request, to its file drain, through its pipeline in batches of 50. The pipeline's buffer is
 * enlarged, since at its default of 1,000 events it would drop some of the load and so do less work.
 */

import { createRequestLogger, type DrainContext, initLogger } from 'evlog';
import { createFsDrain } from 'evlog/fs';
import { createDrainPipeline } from 'evlog/pipeline';
import { PAYMENT_STEPS, paymentRequest, work } from '../work.ts';
import { type CreateContender, SERVICE } from './contender.ts';

function wideEvents(redact: boolean): CreateContender {
  return (folder) => {
    const drain = createDrainPipeline<DrainContext>({ maxBufferSize: 10_000_000 })(createFsDrain({ dir: folder }));
    initLogger({ env: SERVICE, pretty: false, silent: true, redact, drain });
    return {
      async request(n) {
        const { attributes, user, method, route, request_id, trace_id } = paymentRequest(n);
        const log = createRequestLogger({ method, path: route, requestId: request_id });
        log.set({ trace_id, user, ...attributes });
        const steps: object[] = [];
        for (const step of PAYMENT_STEPS) {
          const started = performance.now();
          await work();
          steps.push({ ...step, duration_ms: performance.now() - started, outcome: 'ok' });
        }
        log.set({ steps });
        log.emit({ status: 200 });
      },
      close: () => drain.flush(),
    };
  };
}

export const evlog = wideEvents(true);
export const evlogWithoutRedaction = wideEvents(false);
