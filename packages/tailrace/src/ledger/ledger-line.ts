/**
 * The ledger's line: how a producer's account travels.
 *
 * A producer writes this line into its own spool, between its events, at most once a second while something changed, and
 * once when it closes. So the account takes the same way as the events, survives what they survive, and needs no second
 * channel. A sink that has no use for it (a console, a log store) never sees it.
 *
 *   emitted = kept + sampled out
 *   kept    = stored + in flight + dead + dropped
 *
 * The producer knows all of it but `stored` and `in flight`; the server knows those, and puts the two together.
 */

export const LEDGER_SCHEMA = 'tailrace/ledger/v1';

/** How every ledger line begins: enough to tell it from an event without parsing it. */
export const LEDGER_LINE_START = `{"schema":"${LEDGER_SCHEMA}"`;

/** Closed intervals of sequence numbers, ascending, neither overlapping nor touching: `[[1, 40], [42, 99]]`. */
export type Intervals = readonly (readonly [from: number, to: number])[];

/** Events lost to one reason. `sequences` names them; when there are too many intervals to name, `count` still holds. */
export interface LossCount {
  readonly count: number;
  readonly sequences: Intervals;
}

export interface LedgerLine {
  readonly schema: typeof LEDGER_SCHEMA;
  readonly producer: string;
  readonly service: string;
  readonly host: string;
  readonly pid: number;
  /** When the producer started, and when it wrote this line: RFC 3339. */
  readonly started: string;
  readonly timestamp: string;
  /** Events on which the policy has decided so far. */
  readonly emitted: number;
  /** Highest sequence number given so far: one for each kept event, so it is also their number. */
  readonly sequence: number;
  /** Kept events by rule. */
  readonly kept: Readonly<Record<string, number>>;
  /** Events that the policy did not keep, by rule. */
  readonly sampled_out: Readonly<Record<string, number>>;
  /** Kept events that never reached the spool, by reason: `spool_full`, `memory_full`, … */
  readonly dropped: Readonly<Record<string, LossCount>>;
  /** Kept events that ended as dead letters, by route. */
  readonly dead: Readonly<Record<string, LossCount>>;
  /** True on the last line of a producer that closed in order. */
  readonly closed: boolean;
}
