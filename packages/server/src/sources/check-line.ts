/**
 * The check that every event and ledger line passes before it may go on, wherever it comes from: what a source has read,
 * and what the writer reads from a broker to which anybody may have published.
 *
 *   value → event as the table has it, or a reason why not → redacted → taken apart for the store → within its bound
 */
import { parseEventId } from 'tailrace/event';
import { LEDGER_SCHEMA, type LedgerAmendment, type LedgerLine } from 'tailrace/ledger';
import type { Redactor } from 'tailrace/redaction';
import type { CheckedLine } from '../queue/queue.ts';
import { lineOf, rowOf } from '../store/event-row.ts';
import { checkEvent, type EventIdentity, withIdentity } from './event-line.ts';
import { checkLedgerLine } from './ledger-line.ts';
import { createPlainReader, type PlainEvent } from './plain-event.ts';

/** An event or ledger line that passed the checks. */
export type Checked =
  | {
      readonly kind: 'event';
      readonly identity: EventIdentity;
      readonly line: string;
      readonly checked: CheckedLine;
      /** Only where they are wanted: parsed events are large, and are let go as soon as may be. */
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly kind: 'ledger'; readonly ledger: LedgerLine | LedgerAmendment; readonly line: string };

export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
  readonly raw: string;
  /** True where `raw` is only the start of it. */
  readonly truncated: boolean;
}

/** @param nextId - gives an id to an event that has none; it is refused where this gives none either */
export type CheckLine = (value: unknown, nextId: () => string | undefined) => Checked | Refused;

export interface CheckLineOptions {
  /** `undefined` where redaction was switched off. */
  readonly redactor: Redactor | undefined;
  /** Bound on one event, in bytes. */
  readonly maxLineBytes: number;
  readonly now: () => number;
  /** True where somebody wants the fields of what passed, beside its line. @defaultValue false */
  readonly keepsFields?: () => boolean;
}

export function createLineCheck(options: CheckLineOptions): CheckLine {
  const { redactor, now } = options;
  const readPlain = createPlainReader(redactor);

  function redact(fields: Record<string, unknown>): Readonly<Record<string, unknown>> {
    const redacted = redactor?.redactEvent(fields) ?? fields;
    if (redacted === fields) return fields;
    // Whatever a pattern thinks of these: they were checked, and the writer and the store live by them.
    return Object.assign(
      { ...redacted },
      pick(fields, ['schema', 'event_id', 'timestamp', 'level', 'sampling.rule', 'sampling.rate']),
    );
  }

  function finish(
    fields: Readonly<Record<string, unknown>>,
    { identity, timestampMs, row }: PlainEvent,
  ): Checked | Refused {
    const { maxLineBytes } = options;
    const line = lineOf(row);
    const bytes = line.length * 3 > maxLineBytes ? Buffer.byteLength(line) : line.length;
    if (bytes > maxLineBytes) {
      const reason = `has ${bytes} bytes; at most ${maxLineBytes} are accepted`;
      return { kind: 'refused', reason, raw: line.slice(0, 1024), truncated: true };
    }
    const kept = options.keepsFields?.() === true ? fields : undefined;
    return { kind: 'event', identity, line, checked: { ...identity, timestampMs, row }, fields: kept };
  }

  return (value, nextId) => {
    const refuse = (reason: string): Refused => ({ kind: 'refused', reason, ...rawOf(value) });
    if (isLedger(value)) {
      const ledger = checkLedgerLine(value);
      if (ledger.kind === 'refused') return refuse(ledger.reason);
      return { ...ledger, line: JSON.stringify(ledger.ledger) };
    }
    const nowMs = now();
    const plain = isObject(value) ? readPlain(value, nowMs) : undefined;
    if (plain !== undefined && isObject(value)) return finish(value, plain);

    const event = checkEvent(value, nowMs);
    if (event.kind === 'refused') return refuse(event.reason);
    if (event.identity !== undefined) {
      const redacted = redact(event.fields);
      return finish(redacted, { identity: event.identity, timestampMs: event.timestampMs, row: rowOf(redacted) });
    }
    const given = nextId();
    const identity = given === undefined ? undefined : parseEventId(given);
    if (given === undefined || identity === undefined) {
      return refuse('event_id is missing: without it nobody can tell whether the event is here already');
    }
    const redacted = redact(withIdentity(event.fields, given));
    return finish(redacted, { identity, timestampMs: event.timestampMs, row: rowOf(redacted) });
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isLedger(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'schema' in value && value.schema === LEDGER_SCHEMA;
}

/** What is kept of a refused value; nesting can be too deep to be written down. */
function rawOf(value: unknown): { readonly raw: string; readonly truncated: boolean } {
  try {
    return { raw: JSON.stringify(value), truncated: false };
  } catch {
    return { raw: '', truncated: true };
  }
}

function pick(fields: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, fields[key]]));
}
