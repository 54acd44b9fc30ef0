import type { Intervals } from '../ledger/ledger-line.ts';
import type { Sink } from './sink.ts';

/**
 * Where a sink is made. Sinks that come with Tailrace, and those of other packages, are made in the worker from data;
 * a function of the application stays on the main thread.
 */
export type SinkSpec =
  /** A sink of this package, by its name, with options that survive a structured clone. */
  | { readonly kind: 'builtin'; readonly name: 'console' | 'file' | 'tailrace'; readonly options: unknown }
  /** A module (specifier or file URL) whose `createSink(options)` returns a {@link Sink}. */
  | { readonly kind: 'module'; readonly name: string; readonly module: string; readonly options: unknown }
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
  /** How long a batch that isn't full may wait, in milliseconds. @defaultValue 200 */
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
    /** @defaultValue 30000 */
    readonly maxMs?: number;
    /** Tries on one sink before the route goes to its next sink; the last sink is tried for ever. @defaultValue 5 */
    readonly attempts?: number;
  };
  readonly breaker?: {
    /** Failures in a row that open the breaker. @defaultValue 5 */
    readonly failures?: number;
    /** How long it stays open before one batch tries again, in milliseconds. @defaultValue 10000 */
    readonly openMs?: number;
  };
}

export interface DeliveryOptions {
  /** The folder of all producers of this host; the spools of dead processes in it are adopted. */
  readonly spoolRoot: string;
  /** The folder of this producer, below `spoolRoot`. */
  readonly directory: string;
  readonly routes: readonly RouteOptions[];
  /** @defaultValue `worker`; falls back to `inline` with one notice where no worker can start. */
  readonly mode?: 'worker' | 'inline';
  readonly onReport: (report: DeliveryReport) => void;
}

/** What delivery tells the main thread: at most a few a second, never one per event. */
export type DeliveryReport =
  | { readonly kind: 'notice'; readonly code: string; readonly message: string }
  /** Events of this producer that became dead letters. */
  | { readonly kind: 'dead'; readonly route: string; readonly count: number; readonly sequences: Intervals }
  /** A sink failed: becomes an event of its own, topic `logger.handler.error`, rate-limited. */
  | {
      readonly kind: 'handler_error';
      readonly route: string;
      readonly sink: string;
      readonly error: { readonly type: string; readonly message: string; readonly stack?: string };
      /** The first event of the batch, as its line. */
      readonly firstLine?: string;
    };

export interface RouteStats {
  readonly route: string;
  readonly deliveredLines: number;
  readonly duplicateLines: number;
  readonly deadLines: number;
  readonly retries: number;
  readonly backlogBytes: number;
  readonly sinks: readonly { readonly name: string; readonly breaker: 'closed' | 'open' | 'half-open' }[];
}

export interface Delivery {
  /** Says that the spool has grown; cheap enough for every tick. */
  wake(): void;
  /** Resolves true when everything that is in the spool now is delivered or dead on every route, false at the time-out. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Delivers until the time is over, then stops; what is left stays in the spool. */
  close(timeoutMs: number): Promise<void>;
  stats(): Promise<readonly RouteStats[]>;
}
