/**
 * Replays dead letters from a data folder without the application: for a command, after the fault that made them is
 * mended. The application may run meanwhile; what it buries then is not of this replay.
 */
import { join } from 'node:path';
import { createClock } from './clock.ts';
import { DeadLetterFiles } from './dead-letters.ts';
import { Engine } from './engine.ts';
import { makeSinkWhenNeeded } from './make-sink.ts';
import { ReportDesk } from './report-desk.ts';
import { Route } from './route.ts';
import type { DeliveryReport, ReplayResult, SinkSpec } from './types.ts';

export {
  DEAD_LETTER_SCHEMA,
  type DeadLetter,
  decodeDeadLetter,
  encodeDeadLetter,
  serviceOf,
} from './dead-letter.ts';
export { readDeadLetters } from './dead-letters.ts';

export interface OfflineReplayOptions {
  /** The application's data folder: the one with `dead` in it. */
  readonly dataDir: string;
  /** Whose dead letters; they lie in `dead/<route>`. @defaultValue `tailrace`, the route that an application has by itself */
  readonly route?: string;
  /** Address of the Tailrace server that gets them. */
  readonly url: string;
  /** The server's ingest key. */
  readonly key?: string;
  /** What isn't sent by then stays a dead letter, in milliseconds. @defaultValue 60000 */
  readonly timeoutMs?: number;
  /** Told why letters don't arrive. */
  readonly onProblem?: (message: string) => void;
}

/**
 * Sends a route's dead letters to a Tailrace server. Those that are refused again are dead letters again.
 *
 * @throws TypeError where the route's name can't be one.
 *
 * @example
 * ```ts
 * const { replayed, deadAgain } = await replayDeadLetters({ dataDir: './tailrace-data', url: 'http://127.0.0.1:7300' });
 * ```
 */
export async function replayDeadLetters(options: OfflineReplayOptions): Promise<ReplayResult> {
  const { dataDir, route: name = 'tailrace', url, key, timeoutMs = 60_000, onProblem } = options;
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a route`);
  const clock = createClock(false);
  const desk = new ReportDesk((report) => {
    const problem = problemOf(report);
    if (problem !== undefined) onProblem?.(problem);
  }, clock);
  const deadRoot = join(dataDir, 'dead');
  const deadLetters = new DeadLetterFiles(deadRoot, name, (lost) =>
    desk.tellOnce('dead_letters_trimmed', `the ${lost} oldest dead letters of route ${name} were removed`),
  );
  const spec: Exclude<SinkSpec, { readonly kind: 'main' }> = {
    kind: 'builtin',
    name: 'tailrace',
    options: key === undefined ? { url } : { url, key },
  };
  const sink = makeSinkWhenNeeded(spec, { notice: (code, message) => desk.tellOnce(code, message) });
  const route = new Route({ name }, [sink], { clock, desk, deadLetters });
  const engine = new Engine({ routes: [route], clock, desk, deadRoot });
  try {
    return await engine.replayDeadLetters(name, timeoutMs);
  } finally {
    await engine.close(0);
  }
}

function problemOf(report: DeliveryReport): string | undefined {
  if (report.kind === 'notice') return report.message;
  return report.kind === 'handler_error' ? `sink ${report.sink}: ${report.error.message}` : undefined;
}
