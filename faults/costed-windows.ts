/**
 * Windows of traffic: how long requests took in each, and what they cost the application's threads. Those in which the
 * processors were stolen are left out where windows are compared.
 */
import { quantile } from '../bench/statistics.ts';
import { StolenTime } from '../bench/stolen-time.ts';
import { type SteadyTraffic, WINDOW_MS, type Window } from './steady-traffic.ts';
import { readThreadTimes, type ThreadTimes } from './thread-times.ts';
import { type RatioOfMedians, ratioOfMedians } from './window-ratio.ts';

export interface Latency {
  /** Medians over the windows. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds for each request: of the application's thread, of its wait for a processor, and of all its other threads. */
  readonly threadMicros: number;
  readonly waitMicros: number;
  readonly othersMicros: number;
  readonly windows: number;
  /** Windows that were left out, since other machines took the processors. */
  readonly disturbed: number;
}

/**
 * More of the processors' time than that, stolen by other machines on the same hardware, makes the slowest requests slower
 * whatever they do here: such a window says nothing, of neither kind.
 */
const MAX_STOLEN = 0.03;
/** Of fewer windows nothing is told: chance alone would decide. */
const MIN_WINDOWS = 6;

export interface CostedWindow extends Window {
  /** The share of the processors' time that was stolen. */
  readonly stolen: number;
  readonly threadMicros: number;
  readonly waitMicros: number;
  readonly othersMicros: number;
}

export async function measureWindows(traffic: SteadyTraffic, pid: number, ms: number): Promise<CostedWindow[]> {
  const windows: CostedWindow[] = [];
  for (let rest = ms; rest >= WINDOW_MS; rest -= WINDOW_MS) {
    const stolenTime = new StolenTime();
    const before = readThreadTimes(pid);
    const [window] = await traffic.measure(WINDOW_MS);
    const after = readThreadTimes(pid);
    if (window === undefined) break;
    const microsOf = (name: keyof ThreadTimes): number => ((after[name] - before[name]) * 1_000) / window.requests;
    windows.push({
      ...window,
      stolen: stolenTime.share(),
      threadMicros: microsOf('mainRan'),
      waitMicros: microsOf('mainWaited'),
      othersMicros: microsOf('othersRan'),
    });
  }
  return windows;
}

function undisturbed(windows: readonly CostedWindow[]): readonly CostedWindow[] {
  return windows.filter(({ stolen }) => stolen <= MAX_STOLEN);
}

/** NaN where too few windows are left. */
export function ratioOf(
  name: 'p99' | 'threadMicros',
  during: readonly CostedWindow[],
  before: readonly CostedWindow[],
): RatioOfMedians {
  const [of = [], by = []] = [during, before].map((windows) => {
    const left = undisturbed(windows);
    return left.length < MIN_WINDOWS ? [] : left.map((window) => window[name]);
  });
  return ratioOfMedians(of, by);
}

export function inBrief(all: readonly CostedWindow[]): Latency {
  const windows = undisturbed(all);
  const medianOf = (values: readonly number[]): number => Math.round(quantile(values, 0.5) * 100) / 100;
  return {
    p50: medianOf(windows.map(({ p50 }) => p50)),
    p99: medianOf(windows.map(({ p99 }) => p99)),
    threadMicros: medianOf(windows.map(({ threadMicros }) => threadMicros)),
    waitMicros: medianOf(windows.map(({ waitMicros }) => waitMicros)),
    othersMicros: medianOf(windows.map(({ othersMicros }) => othersMicros)),
    windows: windows.length,
    disturbed: all.length - windows.length,
  };
}
