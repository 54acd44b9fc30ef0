import { isMainThread } from 'node:worker_threads';

/**
 * What happens when the process ends.
 *
 * - SIGTERM, SIGINT: everything goes to disk at once. Where the application listens too, it decides when to go. Where
 *   nobody else listens, the default would have been to die: what can be delivered in a short time is delivered, then
 *   the same signal is raised again without our listener, so that the process dies of it as it would have without us.
 * - `beforeExit`: the process has nothing left to do. What waits is delivered, within a bound.
 * - Uncaught exception, unhandled rejection: only watched (`uncaughtExceptionMonitor`). The exception becomes an event,
 *   everything goes to disk, and Node goes on as it would have.
 * - `exit`: the last thing to run. Everything goes to disk, and the spool is closed.
 * - `kill -9`, out of memory: nothing runs. What was appended is on disk, or was written with the last tick.
 *
 * What isn't delivered stays in the spool for the next start. The listeners are installed once, for all instances, and
 * removed with the last of them.
 */
export interface EndingInstance {
  /** Puts everything on disk, now. */
  writeNow(): void;
  /** Records what is about to end the process. */
  recordFatal(error: unknown, origin: string): void;
  /** True where something was emitted since the last delivery at the end. */
  hasNews(): boolean;
  /** Delivers what waits; false where the time was over first. */
  deliver(timeoutMs: number): Promise<boolean>;
  /** Ends what is open, and closes, without waiting for anything. */
  closeNow(reason: string): void;
}

/** The error of an event whose scope was open when its process ended. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
  readonly code = 'PROCESS_ENDED';

  constructor(reason: string) {
    super(`the process ended before the work did (${reason})`);
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type Signal = (typeof SIGNALS)[number];

/** A container that is stopped often has a second to live. */
const SIGNAL_DELIVERY_MS = 600;
const BEFORE_EXIT_DELIVERY_MS = 2_000;

const instances = new Set<EndingInstance>();
let isLeaving = false;
let isDelivering = false;
/** A destination that is away at the end is tried once: what waits is safe in the spool. */
let hasGivenUp = false;

export function watchProcessEnd(instance: EndingInstance): void {
  if (instances.size === 0) install();
  instances.add(instance);
}

export function unwatchProcessEnd(instance: EndingInstance): void {
  if (instances.delete(instance) && instances.size === 0) uninstall();
}

function install(): void {
  // Signals reach the main thread only.
  if (isMainThread) for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('beforeExit', onBeforeExit);
  process.on('uncaughtExceptionMonitor', onUncaught);
  process.on('exit', onExit);
}

function uninstall(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.off('beforeExit', onBeforeExit);
  process.off('uncaughtExceptionMonitor', onUncaught);
  process.off('exit', onExit);
}

function onSignal(signal: Signal): void {
  for (const instance of instances) instance.writeNow();
  if (process.listenerCount(signal) > 1) return;
  if (isLeaving) {
    dieOf(signal);
    return;
  }
  isLeaving = true;
  void deliverAll(SIGNAL_DELIVERY_MS).then(() => dieOf(signal));
}

function dieOf(signal: Signal): void {
  for (const instance of instances) instance.closeNow(signal);
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

function onBeforeExit(): void {
  if (isDelivering || isLeaving || hasGivenUp || ![...instances].some((instance) => instance.hasNews())) return;
  isDelivering = true;
  // The delivery keeps the process alive. When it is over, `beforeExit` comes again, and finds no news.
  void deliverAll(BEFORE_EXIT_DELIVERY_MS).then((isDelivered) => {
    isDelivering = false;
    hasGivenUp = !isDelivered;
  });
}

function onUncaught(error: unknown, origin: string): void {
  for (const instance of instances) instance.recordFatal(error, origin);
}

function onExit(code: number): void {
  for (const instance of instances) instance.closeNow(`exit with code ${code}`);
}

async function deliverAll(timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const deliveries = Promise.all([...instances].map((instance) => instance.deliver(timeoutMs).catch(() => false)));
  const isDelivered = await Promise.race([deliveries.then((all) => all.every(Boolean)), timeout]);
  clearTimeout(timer);
  return isDelivered;
}
