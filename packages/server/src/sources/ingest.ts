/**
 * The one way in: whatever a source has read goes through here, in these steps.
 *
 *   check → redact → drop what was accepted before → publish (on disk) → dead letters → live tail → answer
 *
 * An event is in the book's accepted set only after `publish` has resolved. While it is being published, another client
 * that sends the same event waits for that outcome; if it fails, the other takes its own turn. So of two concurrent posts
 * exactly one is accepted, and neither client is told "duplicate" of an event that isn't on disk.
 */
import { formatEventId, parseEventId } from 'tailrace/event';
import { LEDGER_SCHEMA, type LedgerAmendment, type LedgerLine } from 'tailrace/ledger';
import type { Redactor } from 'tailrace/redaction';
import type { LiveTail } from '../api/live-tail.ts';
import type { CheckedLine, Queue } from '../queue/queue.ts';
import { lineOf, rowOf } from '../store/event-row.ts';
import type { LedgerBook, Publication } from '../writer/ledger-book.ts';
import type { Pace } from '../writer/pace.ts';
import type { BodyItem } from './body-lines.ts';
import type { DeadLetter, DeadLetters, Replayed } from './dead-letters.ts';
import { checkEvent, type EventIdentity, withIdentity } from './event-line.ts';
import { checkLedgerLine } from './ledger-line.ts';
import { createPlainReader, type PlainEvent, type ReadPlainEvent } from './plain-event.ts';

export interface IngestAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

export interface IngestParts {
  readonly queue: Queue;
  readonly book: LedgerBook;
  readonly dead: DeadLetters;
  readonly live: LiveTail;
  readonly pace: Pace;
  /** `undefined` where redaction was switched off. */
  readonly redactor: Redactor | undefined;
  readonly maxLineBytes: number;
  /** The server's own producer id, for events that have none. */
  readonly producer: string;
  readonly now: () => number;
  readonly onCount?: (outcome: 'accepted' | 'duplicate' | 'refused' | 'ledger', count: number) => void;
}

/** An event or ledger line that passed the checks. */
type Checked =
  | {
      readonly kind: 'event';
      readonly number: number;
      readonly identity: EventIdentity;
      readonly line: string;
      readonly checked: CheckedLine;
      /** Only where somebody watches: parsed events are large, and are let go as soon as may be. */
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: 'ledger';
      readonly number: number;
      readonly ledger: LedgerLine | LedgerAmendment;
      readonly line: string;
    };

interface Refusal {
  readonly number: number;
  readonly reason: string;
  readonly raw: string;
  readonly truncated: boolean;
}

const SLICE_MS = 8;
const CHECKED_AT_ONCE = 2;

export class Ingest {
  readonly #parts: IngestParts;
  readonly #readPlain: ReadPlainEvent;
  readonly #waiting: (() => void)[] = [];
  #checking = 0;
  #sequence = 0;

  constructor(parts: IngestParts) {
    this.#parts = parts;
    this.#readPlain = createPlainReader(parts.redactor);
  }

  /**
   * Takes the items of one body. Resolves when all that is accepted is on disk.
   *
   * @throws QueueFullError where the queue takes no more; the client sends everything again, and what was accepted is
   * then a duplicate.
   */
  async accept(items: Iterable<BodyItem>, source: string): Promise<IngestAnswer> {
    const refusals: Refusal[] = [];
    await this.#parts.pace.ready();
    const checked = await this.#checkInTurn(items, refusals);
    const { accepted, duplicates } = await this.#publishAll(checked, refusals);
    const count = this.#parts.onCount;
    if (refusals.length > 0) {
      refusals.sort((a, b) => a.number - b.number);
      await this.#parts.dead.append(refusals.map((refusal) => this.#letterFor(refusal, source)));
      count?.('refused', refusals.length);
    }
    const ledgers = accepted.filter((item) => item.kind === 'ledger').length;
    count?.('accepted', accepted.length - ledgers);
    count?.('ledger', ledgers);
    count?.('duplicate', duplicates);
    return {
      accepted: accepted.length,
      duplicates,
      refused: refusals.map(({ number, reason }) => ({ line: number, reason })),
    };
  }

  /** Keeps lines that the server itself could not go on with. */
  bury(lines: readonly { readonly reason: string; readonly line: string }[], source: string): Promise<void> {
    const letters = lines.map(({ reason, line }) =>
      this.#letterFor({ number: 0, reason, raw: line, truncated: false }, source),
    );
    return this.#parts.dead.append(letters);
  }

  /** Takes dead letters again; the answer says of each whether it may go. */
  async acceptLetters(letters: readonly DeadLetter[]): Promise<Replayed[]> {
    const refusals: Refusal[] = [];
    const checked: Checked[] = [];
    letters.forEach((letter, index) => {
      let value: unknown;
      try {
        value = JSON.parse(letter.line);
      } catch {
        refusals.push({ number: index, reason: letter.reason, raw: letter.line, truncated: false });
        return;
      }
      const item = this.#check({ kind: 'value', number: index, value, bytes: letter.line.length }, letter.id);
      if ('reason' in item) refusals.push(item);
      else checked.push(item);
    });
    await this.#publishAll(checked, refusals);
    const reasons = new Map(refusals.map((refusal) => [refusal.number, refusal.reason]));
    return letters.map((_, index) => {
      const reason = reasons.get(index);
      return reason === undefined ? { kind: 'gone' } : { kind: 'refused', reason };
    });
  }

  /**
   * A few bodies at a time, in the order in which they came: all at once, each would take as long as all of them. More than one,
   * so that a large body holds no small one up.
   */
  async #checkInTurn(items: Iterable<BodyItem>, refusals: Refusal[]): Promise<Checked[]> {
    if (this.#checking >= CHECKED_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#checking += 1;
    try {
      return await this.#checkAll(items, refusals);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#checking -= 1;
      else next();
    }
  }

  /** A large body is checked in slices, so that it doesn't hold the event loop against everybody else. */
  async #checkAll(items: Iterable<BodyItem>, refusals: Refusal[]): Promise<Checked[]> {
    const checked: Checked[] = [];
    let sliceEnd = performance.now() + SLICE_MS;
    let count = 0;
    for (const item of items) {
      const result = this.#check(item);
      if ('reason' in result) refusals.push(result);
      else checked.push(result);
      count += 1;
      if (count % 64 === 0 && performance.now() > sliceEnd) {
        await new Promise((resolve) => setImmediate(resolve));
        sliceEnd = performance.now() + SLICE_MS;
      }
    }
    return checked;
  }

  #check(item: BodyItem, givenId?: string): Checked | Refusal {
    const { number } = item;
    if (item.kind === 'refused') {
      return { number, reason: item.reason, raw: item.raw, truncated: item.reason.startsWith('has ') };
    }
    const refuse = (reason: string): Refusal => ({ number, reason, ...rawOf(item.value) });
    if (isLedger(item.value)) {
      const ledger = checkLedgerLine(item.value);
      if (ledger.kind === 'refused') return refuse(ledger.reason);
      return { kind: 'ledger', number, ledger: ledger.ledger, line: JSON.stringify(ledger.ledger) };
    }
    const nowMs = this.#parts.now();
    const plain = isObject(item.value) ? this.#readPlain(item.value, nowMs) : undefined;
    if (plain !== undefined && isObject(item.value)) return this.#finish(number, item.value, plain);

    const event = checkEvent(item.value, nowMs);
    if (event.kind === 'refused') return refuse(event.reason);
    const given = event.identity === undefined ? (givenId ?? this.#nextId()) : undefined;
    const identity = event.identity ?? identityOf(given ?? '');
    const redacted = this.#redact(given === undefined ? event.fields : withIdentity(event.fields, given));
    return this.#finish(number, redacted, { identity, timestampMs: event.timestampMs, row: rowOf(redacted) });
  }

  #finish(
    number: number,
    fields: Readonly<Record<string, unknown>>,
    { identity, timestampMs, row }: PlainEvent,
  ): Checked | Refusal {
    const line = lineOf(row);
    const bytes = line.length * 3 > this.#parts.maxLineBytes ? Buffer.byteLength(line) : line.length;
    if (bytes > this.#parts.maxLineBytes) {
      return {
        number,
        reason: `has ${bytes} bytes; at most ${this.#parts.maxLineBytes} are accepted`,
        raw: line.slice(0, 1024),
        truncated: true,
      };
    }
    return {
      kind: 'event',
      number,
      identity,
      line,
      checked: { ...identity, timestampMs, row },
      fields: this.#parts.live.isWatched ? fields : undefined,
    };
  }

  async #publishAll(
    checked: readonly Checked[],
    refusals: Refusal[],
  ): Promise<{ accepted: Checked[]; duplicates: number }> {
    const accepted: Checked[] = [];
    let duplicates = 0;
    let rest = checked;
    while (rest.length > 0) {
      const publication = this.#parts.book.publication();
      const fresh: Checked[] = [];
      const contended = new Map<Checked, Publication>();
      for (const item of rest) {
        if (item.kind === 'ledger') {
          fresh.push(item);
          continue;
        }
        const claim = this.#parts.book.claim(item.identity.producer, item.identity.sequence, publication);
        if (claim.kind === 'fresh') fresh.push(item);
        else if (claim.kind === 'duplicate') duplicates += 1;
        else if (claim.kind === 'refused') {
          refusals.push({ number: item.number, reason: claim.reason, raw: item.line, truncated: false });
        } else if (claim.by === publication) duplicates += 1;
        else contended.set(item, claim.by);
      }
      await this.#publish(fresh, publication);
      accepted.push(...fresh);
      const again: Checked[] = [];
      for (const [item, by] of contended) {
        if (await by.outcome) duplicates += 1;
        else again.push(item);
      }
      rest = again;
    }
    return { accepted, duplicates };
  }

  async #publish(fresh: readonly Checked[], publication: Publication): Promise<void> {
    if (fresh.length === 0) {
      publication.succeed();
      return;
    }
    try {
      await this.#parts.queue.publish(
        fresh.map((item) => item.line),
        fresh.map((item) => (item.kind === 'event' ? item.checked : undefined)),
      );
    } catch (error) {
      publication.fail();
      throw error;
    }
    publication.succeed();
    this.#parts.pace.notePublished(fresh.reduce((bytes, { line }) => bytes + line.length, 0));
    for (const item of fresh) {
      if (item.kind === 'ledger') this.#parts.book.noteLedger(item.ledger);
      else if (item.fields !== undefined) this.#parts.live.offer(item.fields, item.line);
    }
  }

  #redact(fields: Record<string, unknown>): Readonly<Record<string, unknown>> {
    const redacted = this.#parts.redactor?.redactEvent(fields) ?? fields;
    if (redacted === fields) return fields;
    // Whatever a pattern thinks of these: they were checked, and the writer and the store live by them.
    return Object.assign(
      { ...redacted },
      pick(fields, ['schema', 'event_id', 'timestamp', 'level', 'sampling.rule', 'sampling.rate']),
    );
  }

  #nextId(): string {
    this.#sequence += 1;
    return formatEventId(this.#parts.producer, this.#sequence);
  }

  #letterFor(refusal: Refusal, source: string): DeadLetter {
    return {
      id: this.#nextId(),
      at: new Date(this.#parts.now()).toISOString(),
      source,
      reason: refusal.reason,
      line: this.#parts.redactor?.redactString(refusal.raw) ?? refusal.raw,
      truncated: refusal.truncated,
    };
  }
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

function identityOf(eventId: string): EventIdentity {
  const identity = parseEventId(eventId);
  if (identity === undefined) throw new Error(`not an event id: ${eventId}`);
  return identity;
}
