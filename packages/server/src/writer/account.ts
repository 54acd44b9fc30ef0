/** The account of one producer in the book. */
import { type Intervals, type LedgerAmendment, type LedgerLine, SequenceSet } from 'tailrace/ledger';
import type { Publication } from './publication.ts';

const CLAIM_STEP_MS = 1000;
const MAX_CLAIMS = 4096;

export interface Account {
  readonly producer: string;
  readonly accepted: SequenceSet;
  readonly stored: SequenceSet;
  /** Numbers that are being published now. */
  readonly publishing: Map<number, Publication>;
  ledger: LedgerLine | undefined;
  /** What its adopters said of it, put together. */
  amendment: LedgerAmendment | undefined;
  /** Highest number known for longer than the grace. */
  settled: number;
  /** Younger knowledge: highest number by the time at which it became known. */
  readonly claims: { sequence: number; readonly atMs: number }[];
  duplicates: number;
  /** So many events are in the totals of the folded producers already. */
  readonly folded: number;
  readonly firstSeenMs: number;
  lastSeenMs: number;
}

/** @param stored - the numbers that are here */
export function newAccount(producer: string, stored: Intervals, firstSeenMs: number): Account {
  return {
    producer,
    accepted: new SequenceSet(stored),
    stored: new SequenceSet(stored),
    publishing: new Map(),
    ledger: undefined,
    amendment: undefined,
    settled: 0,
    claims: [],
    duplicates: 0,
    folded: 0,
    firstSeenMs,
    lastSeenMs: firstSeenMs,
  };
}

/** The producer has given out all numbers up to this one: known since now. */
export function noteClaim(account: Account, sequence: number, nowMs: number): void {
  const last = account.claims.at(-1);
  if (sequence <= (last?.sequence ?? account.settled)) return;
  if (last !== undefined && nowMs - last.atMs < CLAIM_STEP_MS) last.sequence = sequence;
  else account.claims.push({ sequence, atMs: nowMs });
  // A second's worth of claims is one entry. Beyond so many the oldest has to wait for the one behind it.
  if (account.claims.length > MAX_CLAIMS) account.claims.shift();
}

/** What was known at this time has had its grace. */
export function settleClaims(account: Account, untilMs: number): void {
  let settled = 0;
  while (settled < account.claims.length && (account.claims[settled]?.atMs ?? 0) <= untilMs) {
    account.settled = Math.max(account.settled, account.claims[settled]?.sequence ?? 0);
    settled += 1;
  }
  account.claims.splice(0, settled);
}
