/** What the main thread and the delivery worker say to each other. */

import type { SinkFailure } from './failure.ts';
import type { SinkOutcome } from './sink.ts';
import type { DeliveryReport, ReplayResult, RouteOptions, RouteStats, SinkSpec } from './types.ts';

/** A route as data: a sink of the main thread is only its name here. */
export interface WorkerRoute extends Omit<RouteOptions, 'sinks'> {
  readonly sinks: readonly WorkerSink[];
}

export type WorkerSink =
  | Exclude<SinkSpec, { readonly kind: 'main' }>
  | { readonly kind: 'main'; readonly name: string; readonly takesLedger: boolean };

export interface WorkerStart {
  readonly spoolRoot: string;
  readonly directory: string;
  readonly routes: readonly WorkerRoute[];
  readonly alertWebhookUrl: string | undefined;
  /** The numbers of {@link WAKE_FLAG}, shared with the main thread. */
  readonly wakeFlags: SharedArrayBuffer;
}

/** Places in the shared memory by which the main thread knows whether a wake needs a message. */
export const WAKE_FLAG = {
  /** 1 while the worker has nothing to do and waits for a message. */
  isIdle: 0,
  /** 1 when the spool has grown since the worker last looked here. */
  hasGrown: 1,
} as const;

export type Request =
  | { readonly kind: 'flush'; readonly timeoutMs: number }
  | { readonly kind: 'close'; readonly timeoutMs: number }
  | { readonly kind: 'stats' }
  | { readonly kind: 'replay'; readonly route: string; readonly timeoutMs: number };

export type ToWorker =
  | { readonly kind: 'wake' }
  | { readonly kind: 'alert'; readonly text: string }
  | { readonly kind: 'request'; readonly id: number; readonly request: Request }
  /** What became of a batch at a sink of the main thread. */
  | { readonly kind: 'sent'; readonly id: number; readonly outcome: SinkOutcome }
  | { readonly kind: 'send_failed'; readonly id: number; readonly failure: SinkFailure };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: DeliveryReport }
  | { readonly kind: 'flushed'; readonly id: number; readonly isFlushed: boolean }
  | { readonly kind: 'closed'; readonly id: number }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: readonly RouteStats[] }
  | { readonly kind: 'replayed'; readonly id: number; readonly result: ReplayResult }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  /** A batch for a sink of the main thread; `ends` are the places in `body` after each line's line feed. */
  | {
      readonly kind: 'send';
      readonly id: number;
      readonly route: string;
      readonly sink: number;
      readonly body: Uint8Array;
      readonly ends: readonly number[];
    }
  | { readonly kind: 'abort'; readonly id: number };
