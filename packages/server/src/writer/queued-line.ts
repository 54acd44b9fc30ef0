/** What the writer needs to know of a line of the queue: whose it is, and when it happened. */
import { parseEventId } from 'tailrace/event';
import { LEDGER_LINE_START, type LedgerAmendment, type LedgerLine } from 'tailrace/ledger';
import type { CheckedLine } from '../queue/queue.ts';
import type { CheckLine } from '../sources/check-line.ts';
import { checkLedgerLine } from '../sources/ledger-line.ts';
import { parseTimestamp } from '../sources/timestamp.ts';
import type { EventRow } from '../store/event-row.ts';

export type QueuedLine =
  | {
      readonly kind: 'event';
      readonly producer: string;
      readonly sequence: number;
      readonly timestampMs: number;
      readonly line: string;
      /** Where the source has taken the event apart already. */
      readonly row?: EventRow;
    }
  | { readonly kind: 'ledger'; readonly ledger: LedgerLine | LedgerAmendment }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly line: string; readonly truncated?: boolean };

export type QueuedEvent = Extract<QueuedLine, { kind: 'event' }>;

/**
 * How the ingest writes the head of an event. Lines in the queue are canonical (no key twice, nothing escaped in these
 * values), so this much is enough, and saves parsing the rest.
 */
const HEAD =
  /^\{"schema":"tailrace\/event\/v1","event_id":"([0-9a-z]{8,32})-([1-9][0-9]{0,14})","timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/;

/** A line to which anybody may have published it: it passes the same check as what comes in by HTTP. */
export function checkQueuedLine(line: string, check: CheckLine): QueuedLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: 'unreadable', reason: 'is not JSON', line };
  }
  const checked = check(value, () => undefined);
  if (checked.kind === 'refused') {
    return { kind: 'unreadable', reason: checked.reason, line: checked.raw, truncated: checked.truncated };
  }
  if (checked.kind === 'ledger') return { kind: 'ledger', ledger: checked.ledger };
  return { kind: 'event', ...checked.checked, line: checked.line };
}

/** A line that this server's own ingest has checked. */
export function readQueuedLine(line: string, checked?: CheckedLine): QueuedLine {
  if (checked !== undefined) return { kind: 'event', ...checked, line };
  const head = HEAD.exec(line);
  if (head?.[1] !== undefined && head[2] !== undefined && head[3] !== undefined) {
    return {
      kind: 'event',
      producer: head[1],
      sequence: Number(head[2]),
      timestampMs: Date.parse(head[3]),
      line,
    };
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: 'unreadable', reason: 'is not JSON', line };
  }
  if (line.startsWith(LEDGER_LINE_START)) {
    const checked = checkLedgerLine(value);
    return checked.kind === 'ledger' ? checked : { kind: 'unreadable', reason: checked.reason, line };
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const identity = typeof fields.event_id === 'string' ? parseEventId(fields.event_id) : undefined;
  const timestampMs = parseTimestamp(fields.timestamp);
  if (identity === undefined || timestampMs === undefined) {
    return { kind: 'unreadable', reason: 'has no event_id or timestamp', line };
  }
  return { kind: 'event', ...identity, timestampMs, line };
}
