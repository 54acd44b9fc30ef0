/**
 * The contract of a sink: one destination that takes a batch and says, as data, what became of it.
 *
 * Retry, back-off, rate limit, circuit breaker, the next sink of the route and the dead letters are the delivery
 * engine's; a sink only sends and reports.
 */

/** Events on their way, as the bytes that were serialised once. */
export interface Batch {
  /** Each line is one event: JSON in UTF-8, without the line feed. */
  readonly lines: readonly Buffer[];
  /** The same lines as one NDJSON text, each ended by a line feed. */
  readonly body: Buffer;
}

/** What became of a batch. */
export type SinkOutcome =
  /** All of it is safe at the destination, which had `duplicates` of its events already. */
  | { readonly kind: 'delivered'; readonly duplicates?: number }
  /** Nothing of it was taken, and trying again may help: after `afterMs` where the destination said so. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** All of it was refused for good. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Part of it was taken: `refused` lines are dead letters, `retry` lines are sent again, the rest is delivered. */
  | {
      readonly kind: 'partial';
      readonly refused: readonly { readonly index: number; readonly reason: string }[];
      readonly retry: readonly number[];
      readonly reason?: string;
      readonly afterMs?: number;
    };

export interface Sink {
  /** A short name for metrics and messages: `console`, `tailrace`, `loki`. */
  readonly name: string;
  /** True where the sink also wants the ledger's lines (see `ledger-line.ts`); only a Tailrace server does. */
  readonly takesLedger?: boolean;
  /**
   * Sends a batch. A rejected promise counts as `retry`: it is for faults that nobody foresaw.
   *
   * @param signal - aborts when the time for the batch is over or the engine closes.
   */
  send(batch: Batch, signal: AbortSignal): Promise<SinkOutcome>;
  /** Gives back what the sink holds open. */
  close?(): Promise<void>;
}
