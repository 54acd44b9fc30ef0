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
 *
 * A producer that is killed says its last word up to a second too early. What it lost in that second, and what became of
 * the lines that it left behind, is told by whoever adopts its spool, in an amendment ({@link LedgerAmendment}): a line
 * about somebody else, written into that spool as its last line, so that it too survives whatever comes. It adds to the
 * account and lowers nothing, so it may come twice, or before an older line of the producer itself.
 *
 * Which numbers can be given to events and never be written? Those of the lines that wait for the end of the turn of the
 * event loop, or in memory while the disk takes none, when the process is killed. They leave no holes: lines reach the
 * file in the order in which they were appended, and an urgent line takes all that wait before it along. So what is lost
 * with the process lies above every number that was written, and above every ledger line that was, since a ledger line
 * waits in the same order. Nobody knows of those numbers, and nobody counts them as missing; while the disk works, no
 * `append` of an event that must not be lost had returned for them. Two things do leave holes. An event that is recorded while another one is being
 * serialised (by a getter of the application, say) is written before it, though its number is higher: killed between the
 * two, the first is a hole. And a line that was dropped (bound reached, memory full) is one until the next ledger line is
 * written, a second later at most: killed within it, the reason is lost with the process. Both are shown as missing; they
 * are lost.
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
  /** What the events were read from, where the producer is no process of its own: the path of a log file. */
  readonly source?: string;
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

/** What is added to a producer's account by another one, which adopted its spool and has delivered it. */
export interface LedgerAmendment {
  readonly schema: typeof LEDGER_SCHEMA;
  readonly producer: string;
  /** Tells an amendment from the producer's own line. */
  readonly amends: true;
  /** When it was written: RFC 3339. */
  readonly timestamp: string;
  readonly dropped: Readonly<Record<string, LossCount>>;
  /** Dead letters of this producer that lie in the adopter's files, by route. Those that are replayed leave the files. */
  readonly dead: Readonly<Record<string, LossCount>>;
  /** The producer is gone: nothing of it will follow. */
  readonly closed: true;
}
