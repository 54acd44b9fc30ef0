/**
 * The contract of a sink: one destination that takes a batch and says, as data, what became of it.
 *
 * Retry, back-off, rate limit, circuit breaker, the next sink of the route and the dead letters are the delivery
 * engine's; a sink only sends and reports. `sink-contract.ts` holds the tests that every sink must pass.
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
  /**
   * Nothing of it was taken, and trying again may help: after `afterMs` where the destination said so. A long `afterMs`
   * makes the route go on to its next sink meanwhile.
   */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** All of it was refused for good. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Part of it was taken: `refused` lines are dead letters, `retry` lines are sent again, the rest is delivered. */
  | {
      readonly kind: 'partial';
      readonly refused: readonly { readonly index: number; readonly reason: string }[];
      /** Indices into `lines`; an index that is in both lists is refused. */
      readonly retry: readonly number[];
      readonly duplicates?: number;
      /** Why the `retry` lines were not taken. */
      readonly reason?: string;
      readonly afterMs?: number;
    };

export interface Sink {
  /** A short name for metrics and messages: `console`, `tailrace`, `loki`. */
  readonly name: string;
  /** True where the sink also wants the ledger's lines (see `ledger-line.ts`); only a Tailrace server does. */
  readonly takesLedger?: boolean;
  /**
   * Sends a batch. A rejected promise counts as `retry`: it is for faults that nobody foresaw. Several calls may be under
   * way at once (the route's `concurrency`).
   *
   * @param signal - aborts when the time for the batch is over or the engine closes. A sink that goes on regardless is
   * left behind, and gets no more batches once too many of its calls hang.
   */
  send(batch: Batch, signal: AbortSignal): Promise<SinkOutcome>;
  /** Gives back what the sink holds open. */
  close?(): Promise<void>;
}

/** What a sink may tell beside its outcomes. */
export interface SinkContext {
  /** Tells a person something once, on stderr and in the metrics: a wrong key, a wrong address. */
  readonly notice: (code: string, message: string) => void;
}

/** How a module makes its sink: what a file in `sinks/`, or a module of somebody else's, exports as `createSink`. */
export type CreateSink = (options: unknown, context: SinkContext) => Sink | Promise<Sink>;

/** Puts lines together to a batch. */
export function toBatch(lines: readonly Buffer[]): Batch {
  const body = Buffer.allocUnsafe(lines.reduce((bytes, line) => bytes + line.length + 1, 0));
  let offset = 0;
  for (const line of lines) {
    offset += line.copy(body, offset);
    body[offset] = 0x0a;
    offset += 1;
  }
  return { lines, body };
}
