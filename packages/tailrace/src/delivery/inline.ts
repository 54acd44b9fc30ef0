/** Delivery on the thread that calls it. */
import { createClock } from './clock.ts';
import { makeSinkWhenNeeded } from './make-sink.ts';
import { stageOfSpec, startEngine } from './start-engine.ts';
import type { Delivery, DeliveryOptions } from './types.ts';

export function deliverInline(options: DeliveryOptions): Delivery {
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
