/**
 * The ledger of one file: a producer of its own, so that the server shows for each file that no line is missing and none
 * is there twice. As in the library, `emitted = kept + sampled out`, and each kept event has the next number.
 */
import type { Decision } from 'tailrace';
import { LEDGER_SCHEMA, type LedgerLine, type LossCount, mergeLosses } from 'tailrace/ledger';
import type { FilePrint } from './file-print.ts';

export interface FileAccount {
  emitted: number;
  /** The number of the last event. */
  sequence: number;
  /** Events of Tailrace that went on under the ids that they had: in no other number here. */
  passedOn: number;
  kept: Record<string, number>;
  sampledOut: Record<string, number>;
  dropped: Record<string, LossCount>;
  dead: Record<string, LossCount>;
}

/** A ledger line of the agent's own spool: it also says how far the file was read, its print, and what was passed on. Sinks pass over that. */
export interface PositionedLedgerLine extends LedgerLine {
  readonly position: number;
  readonly print: FilePrint;
  readonly passed_on: number;
}

export function openAccount(): FileAccount {
  return { emitted: 0, sequence: 0, passedOn: 0, kept: {}, sampledOut: {}, dropped: {}, dead: {} };
}

export function copyAccount(account: FileAccount): FileAccount {
  return { ...account, kept: { ...account.kept }, sampledOut: { ...account.sampledOut } };
}

/** Enters what the policy said of one entry; returns the event's number, or 0 where it isn't kept. */
export function enterDecision(account: FileAccount, { keep, rule }: Pick<Decision, 'keep' | 'rule'>): number {
  account.emitted += 1;
  const counts = keep ? account.kept : account.sampledOut;
  counts[rule] = (counts[rule] ?? 0) + 1;
  if (!keep) return 0;
  account.sequence += 1;
  return account.sequence;
}

/** Enters an event that is found in the spool. */
export function enterFound(account: FileAccount, sequence: number, rule: string): void {
  if (sequence <= account.sequence) return;
  account.emitted += sequence - account.sequence;
  account.kept[rule] = (account.kept[rule] ?? 0) + sequence - account.sequence;
  account.sequence = sequence;
}

export function enterLoss(
  account: FileAccount,
  kind: 'dead' | 'dropped',
  name: string,
  loss: LossCount,
  isMore: boolean,
): void {
  const known = account[kind][name];
  const merged = mergeLosses(account[kind], { [name]: loss })[name];
  if (merged === undefined) return;
  // Losses that come one report after another add up; those that are found on the disk are the same ones again.
  const count = isMore && known !== undefined ? Math.max(merged.count, known.count + loss.count) : merged.count;
  account[kind] = { ...account[kind], [name]: { ...merged, count } };
}

export interface FileOwner {
  readonly producer: string;
  readonly service: string;
  readonly host: string;
  readonly sinceMs: number;
  readonly path: string;
}

export function ledgerLine(
  owner: FileOwner,
  account: FileAccount,
  place: { readonly position: number; readonly print: FilePrint },
  nowMs: number,
  closed: boolean,
): PositionedLedgerLine {
  return {
    // First, so that the line begins as LEDGER_LINE_START says.
    schema: LEDGER_SCHEMA,
    producer: owner.producer,
    service: owner.service.slice(0, 256),
    host: owner.host.slice(0, 256),
    pid: process.pid,
    source: owner.path,
    started: new Date(owner.sinceMs).toISOString(),
    timestamp: new Date(nowMs).toISOString(),
    emitted: account.emitted,
    sequence: account.sequence,
    kept: account.kept,
    sampled_out: account.sampledOut,
    dropped: account.dropped,
    dead: account.dead,
    closed,
    position: place.position,
    passed_on: account.passedOn,
    print: place.print,
  };
}
