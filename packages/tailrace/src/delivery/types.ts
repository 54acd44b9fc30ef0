import type { Intervals } from '../ledger/ledger-line.ts';
import type { SpoolReader } from '../spool/types.ts';
import type { BreakerPreset, BreakerState } from './breaker.ts';
import type { Sink } from './sink.ts';
import type { Stage, StageChange } from './stages.ts';

/** The sinks of this package that are known by name. */
export const BUILTIN_SINKS = ['console', 'file', 'tailrace', 'kafka', 'redis', 'mongodb', 'clickhouse'] as const;
export type BuiltinSink = (typeof BUILTIN_SINKS)[number];

/**
 * Where a sink is made. Sinks that come with Tailrace, and those of other packages, are made in the worker from data;
 * a function of the application stays on the main thread.
 */
export type SinkSpec =
  /** A sink of this package, by its name, with options that survive a structured clone. */
  | { readonly kind: 'builtin'; readonly name: BuiltinSink; readonly options: unknown }
  /** A module (specifier or file URL) whose `createSink(options)` returns a {@link Sink}. */
  | {
      readonly kind: 'module';
      readonly name: string;
      readonly module: string;
      readonly options: unknown;
      /** See {@link Sink.takesLedger}: said here, since the route must know before the sink is made. */
      readonly takesLedger?: boolean;
    }
  /** A sink that lives on the main thread. */
  | { readonly kind: 'main'; readonly name: string; readonly sink: Sink };

/** An ordered chain of sinks, first choice first, with its own cursor into the spool. */
export interface RouteOptions {
  /** Names the cursor: letters, digits, `-` and `_`. Renaming a route starts a new cursor. */
  readonly name: string;
  readonly sinks: readonly SinkSpec[];
  /** @defaultValue 500 */
  readonly batchLines?: number;
  /** @defaultValue 1 MiB */
  readonly batchBytes?: number;
  /**
   * Least time between two batches that aren't full, in milliseconds: the first line after a pause goes at once, and
   * those that follow it wait for each other. @defaultValue 200
   */
  readonly batchWaitMs?: number;
  /** Batches under way at once. @defaultValue 5 */
  readonly concurrency?: number;
  /** Time for one `send`, in milliseconds. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /** At most so many lines a second, where the destination wants it. @defaultValue no limit */
  readonly maxLinesPerSecond?: number;
  readonly retry?: {
    /** First delay, in milliseconds; doubles each time, with full jitter. @defaultValue 200 */
    readonly initialMs?: number;
    /** @defaultValue 10000 */
    readonly maxMs?: number;
    /** Tries on one sink before the route goes to its next sink; the last sink is tried for ever. @defaultValue 5 */
    readonly attempts?: number;
  };
  /**
   * When a sink is passed over, and when it has its turn again: a preset, or numbers of your own. `critical` is 10
   * failures, 3 successes, 60 s; `standard` 5, 2, 30 s; `noncritical` 3, 1, 15 s.
   */
  readonly breaker?: BreakerPreset | BreakerSettings;
}

export interface BreakerSettings {
  /** Failures in a row that open the breaker. @defaultValue 5 */
  readonly failures?: number;
  /** Successes in a row, of one batch at a time, that close it again. @defaultValue 1 */
  readonly successes?: number;
  /**
   * The longest that it stays open before one batch tries again, in milliseconds; the first time it is a tenth of
   * that, then twice as long each time. So long must a first choice also have been back until that is told.
   *
   * @defaultValue 10000
   */
  readonly openMs?: number;
}

export interface DeliveryOptions {
  /** The folder of all producers of this host; the spools of dead processes in it are adopted. */
  readonly spoolRoot: string;
  /** The folder of this producer, below `spoolRoot`. */
  readonly directory: string;
  readonly routes: readonly RouteOptions[];
  /** Reads a spool in memory in place of the folder; delivery then runs inline, and keeps no dead letters. */
  readonly openMemoryReader?: (route: string) => SpoolReader;
  /** @defaultValue `worker`; falls back to `inline` with one notice where no worker can start. */
  readonly mode?: 'worker' | 'inline';
  /** Where `alert` posts to. A secret: whoever knows it can post there too. */
  readonly alertWebhookUrl?: string | undefined;
  readonly onReport: (report: DeliveryReport) => void;
}

/** What became of a replay of dead letters. */
export interface ReplayResult {
  /** Dead letters that were sent again. */
  readonly replayed: number;
  /** Those of them that were refused again, and are dead letters again. */
  readonly deadAgain: number;
  /** False where the time was over first: the rest are still dead letters. */
  readonly isComplete: boolean;
}

/** What delivery tells the main thread: at most a few a second, never one per event. */
export type DeliveryReport =
  | { readonly kind: 'notice'; readonly code: string; readonly message: string }
  /**
   * Events that became dead letters. `producer` isn't this one where the spool of a dead process was adopted, and
   * `undefined` for lines whose event can't be told.
   */
  | {
      readonly kind: 'dead';
      readonly route: string;
      readonly producer: string | undefined;
      readonly count: number;
      readonly sequences: Intervals;
    }
  /**
   * Events about a sink's own failures, which are never fed back into it: a counted drop of this route, for the ledger
   * with the reason {@link OWN_FAILURE_REASON}.
   */
  | {
      readonly kind: 'skipped';
      readonly route: string;
      readonly sink: string;
      readonly producer: string | undefined;
      readonly count: number;
      readonly sequences: Intervals;
    }
  /** A sink failed: becomes an event of its own, topic `logger.handler.error`, rate-limited. */
  | {
      readonly kind: 'handler_error';
      readonly route: string;
      readonly sink: string;
      readonly error: { readonly type: string; readonly message: string; readonly stack?: string };
      /** The first event of the batch, as its line. */
      readonly firstLine?: string;
      /** Failures of this sink since the last report that were not reported. */
      readonly suppressed: number;
    }
  | StageReport;

/** A route that fell back to a worse stage, or is back at a better one. */
export interface StageReport extends StageChange {
  readonly kind: 'stage';
  readonly route: string;
  /** What waits in the spools for this route. */
  readonly waitingBytes: number;
}

/** The ledger's reason for an event that was kept from a sink because it tells of that sink's failure. */
export const OWN_FAILURE_REASON = 'own_failure';

export interface RouteStats {
  readonly route: string;
  readonly deliveredLines: number;
  readonly duplicateLines: number;
  readonly deadLines: number;
  /** Events about a sink's own failures, not fed back into it. */
  readonly skippedLines: number;
  /** Batches under way now. */
  readonly batchesUnderWay: number;
  readonly retries: number;
  readonly backlogBytes: number;
  /** Where the route's events go now, or wait, and for how long already, in milliseconds. */
  readonly stage: Stage & { readonly heldMs: number };
  readonly sinks: readonly { readonly name: string; readonly breaker: BreakerState }[];
}

export interface Delivery {
  /** Posts a text to the alert webhook, where there is one: in the background, bounded, and never throws. */
  alert(text: string): void;
  /** Says that the spool has grown; cheap enough for every tick. */
  wake(): void;
  /** Resolves true when everything that is in the spool now is delivered or dead on every route, false at the time-out. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Delivers until the time is over, then stops; what is left stays in the spool. */
  close(timeoutMs: number): Promise<void>;
  stats(): Promise<readonly RouteStats[]>;
  /** Sends a route's dead letters again, with its sinks, limits and retries. */
  replayDeadLetters(route: string, timeoutMs: number): Promise<ReplayResult>;
}
