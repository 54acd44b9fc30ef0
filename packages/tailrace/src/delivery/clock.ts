/** The time that delivery lives by; passed in, so that a test can hold it in its hand. */
export interface Clock {
  /** Milliseconds that only go forward: a step of the wall clock must neither hold a breaker open nor fire a timer. */
  now(): number;
  /** Calls `fn` once after `ms`; the answer cancels it. */
  after(ms: number, fn: () => void): () => void;
}

/** The longest delay that a timer of Node takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real clock. Its timers don't keep the process alive where `unref` is true. */
export function createClock(unref: boolean): Clock {
  return {
    now: () => performance.now(),
    after(ms, fn) {
      const timer = setTimeout(fn, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
      if (unref) timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal.addEventListener('abort', wake);
  });
}
