/** What the book says of a producer: the answer of `GET /v1/ledger`. */
import { type LedgerAmendment, type LossCount, mergeLosses, SequenceSet } from 'tailrace/ledger';
import type { Account } from './account.ts';

/** The account of one producer, or the sum over several. `kept = stored + inFlight + dead + dropped + missing`. */
export interface LedgerTotals {
  /** Events on which the policy decided: `kept + sampledOut`. */
  readonly emitted: number;
  readonly kept: number;
  /** Of `kept`, those whose rule the producer has reported so far. */
  readonly keptByRule: Readonly<Record<string, number>>;
  readonly sampledOut: number;
  readonly sampledOutByRule: Readonly<Record<string, number>>;
  /** In the store, each once. */
  readonly stored: number;
  /** In the server's queue, or reported moments ago and not yet here. */
  readonly inFlight: number;
  /** Of `inFlight`, those in the server's queue. */
  readonly queued: number;
  readonly dropped: number;
  readonly droppedByReason: Readonly<Record<string, number>>;
  readonly dead: number;
  readonly deadByRoute: Readonly<Record<string, number>>;
  /** Lost without a reason. Should be 0. */
  readonly missing: number;
  /** Sent again, and not stored again. */
  readonly duplicates: number;
}

export interface ProducerReport extends LedgerTotals {
  readonly producer: string;
  readonly service: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  /** The file that the events were read from, where they were. */
  readonly source: string | null;
  readonly started: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** True where nothing more will come: the producer said good-bye, or somebody adopted what it left. */
  readonly closed: boolean;
  /** True where the producer has sent its own account; without one only its events are known. */
  readonly reported: boolean;
  /** The missing numbers; at most 100 intervals. */
  readonly missingIntervals: readonly (readonly [number, number])[];
}

export interface LedgerReport {
  readonly totals: LedgerTotals;
  readonly producers: readonly ProducerReport[];
  /** Producers of long ago: in the totals, not in the list. */
  readonly folded: { readonly producers: number; readonly forgotten: number };
}

export const EMPTY_TOTALS: LedgerTotals = {
  emitted: 0,
  kept: 0,
  keptByRule: {},
  sampledOut: 0,
  sampledOutByRule: {},
  stored: 0,
  inFlight: 0,
  queued: 0,
  dropped: 0,
  droppedByReason: {},
  dead: 0,
  deadByRoute: {},
  missing: 0,
  duplicates: 0,
};

const MAX_INTERVALS_SHOWN = 100;

export function reportAccount(account: Account): ProducerReport {
  const { accepted, stored, ledger, amendment } = account;
  const highestAmended = amendment === undefined ? 0 : highestLost(amendment);
  const kept = Math.max(ledger?.sequence ?? 0, accepted.last, highestAmended);
  const allDropped = mergeLosses(ledger?.dropped ?? {}, amendment?.dropped ?? {});
  const allDead = mergeLosses(ledger?.dead ?? {}, amendment?.dead ?? {});
  const dropped = countLosses(allDropped, accepted);
  const dead = countLosses(allDead, accepted);

  const accounted = accepted.clone();
  for (const loss of [...Object.values(allDropped), ...Object.values(allDead)]) {
    for (const [from, to] of loss.sequences) accounted.addRange(from, to);
  }
  // Losses that are counted but not named fill holes, and nobody knows which: the oldest first.
  const holes = accounted.holes(kept);
  const named = accounted.holes(account.settled);
  const unnamed = dropped.unnamed + dead.unnamed;
  const missing = Math.max(0, sizeOf(named) - unnamed);
  const queued = accepted.size - stored.size;
  const arriving = Math.max(0, sizeOf(holes) - unnamed) - missing;
  const sampledOut = sum(ledger?.sampled_out ?? {});
  return {
    producer: account.producer,
    service: ledger?.service ?? null,
    host: ledger?.host ?? null,
    pid: ledger?.pid ?? null,
    source: ledger?.source ?? null,
    started: ledger?.started ?? null,
    firstSeen: new Date(account.firstSeenMs).toISOString(),
    lastSeen: new Date(account.lastSeenMs).toISOString(),
    closed: ledger?.closed === true || amendment !== undefined,
    reported: ledger !== undefined,
    emitted: kept + sampledOut,
    kept,
    keptByRule: ledger?.kept ?? {},
    sampledOut,
    sampledOutByRule: ledger?.sampled_out ?? {},
    stored: stored.size,
    inFlight: queued + arriving,
    queued,
    dropped: sum(dropped.counts),
    droppedByReason: dropped.counts,
    dead: sum(dead.counts),
    deadByRoute: dead.counts,
    missing,
    missingIntervals: missing === 0 ? [] : named.slice(0, MAX_INTERVALS_SHOWN),
    duplicates: account.duplicates,
  };
}

/** @param counted - stored events of the report that are in the totals already. */
export function addReport(totals: LedgerTotals, report: LedgerTotals, counted = 0): LedgerTotals {
  return {
    emitted: totals.emitted + report.emitted - counted,
    kept: totals.kept + report.kept - counted,
    keptByRule: addCounts(totals.keptByRule, report.keptByRule),
    sampledOut: totals.sampledOut + report.sampledOut,
    sampledOutByRule: addCounts(totals.sampledOutByRule, report.sampledOutByRule),
    stored: totals.stored + report.stored - counted,
    inFlight: totals.inFlight + report.inFlight,
    queued: totals.queued + report.queued,
    dropped: totals.dropped + report.dropped,
    droppedByReason: addCounts(totals.droppedByReason, report.droppedByReason),
    dead: totals.dead + report.dead,
    deadByRoute: addCounts(totals.deadByRoute, report.deadByRoute),
    missing: totals.missing + report.missing,
    duplicates: totals.duplicates + report.duplicates,
  };
}

/** Losses without those that arrived after all, as a dead letter that was replayed. */
function countLosses(losses: Readonly<Record<string, LossCount>>, accepted: SequenceSet) {
  const counts: Record<string, number> = {};
  let unnamed = 0;
  for (const [name, loss] of Object.entries(losses)) {
    const lost = new SequenceSet(loss.sequences);
    const both = accepted.clone();
    for (const [from, to] of loss.sequences) both.addRange(from, to);
    const arrived = accepted.size + lost.size - both.size;
    counts[name] = Math.max(0, loss.count - arrived);
    unnamed += Math.max(0, loss.count - lost.size);
  }
  return { counts, unnamed };
}

/** The highest number that an amendment names; 0 where it names none. */
export function highestLost({ dropped, dead }: LedgerAmendment): number {
  const ends = [...Object.values(dropped), ...Object.values(dead)].map(({ sequences }) => sequences.at(-1)?.[1] ?? 0);
  return Math.max(0, ...ends);
}

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const result: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) result[name] = (result[name] ?? 0) + count;
  return result;
}

function sizeOf(intervals: readonly (readonly [number, number])[]): number {
  return intervals.reduce((size, [from, to]) => size + to - from + 1, 0);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
