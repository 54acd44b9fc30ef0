/**
 * The one way in: whatever a source has read goes through here, in these steps.
 *
 *   check → redact → drop what was accepted before → publish (on disk) → dead letters → live tail → answer
 *
 * An event is in the book's accepted set only after `publish` has resolved. While it is being published, another client
 * that sends the same event waits for that outcome; if it fails, the other takes its own turn. So of two concurrent posts
 * exactly one is accepted, and neither client is told "duplicate" of an event that isn't on disk.
 */
import { isUtf8 } from 'node:buffer';
import type { DeadLetter } from 'tailrace/dead-letters';
import { formatEventId } from 'tailrace/event';
import type { LiveTail } from '../api/live-tail.ts';
import type { Replayed } from '../dead/replay.ts';
import type { Queue } from '../queue/queue.ts';
import type { LedgerBook } from '../writer/ledger-book.ts';
import type { Pace } from '../writer/pace.ts';
import type { Publication } from '../writer/publication.ts';
import type { BodyItem } from './body-lines.ts';
import type { Bury } from './bury.ts';
import type { Checked, CheckLine } from './check-line.ts';

export interface IngestAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

export interface IngestParts {
  readonly queue: Queue;
  /**
   * Knows what is here already. `undefined` where it can't be known here (events of one producer come in at several
   * servers): then everything is taken, and the writer or the store drops what comes twice.
   */
  readonly book: LedgerBook | undefined;
  readonly check: CheckLine;
  readonly bury: Bury;
  readonly live: LiveTail;
  /** `undefined` where the writer is another process: nobody can know how far it is. */
  readonly pace: Pace | undefined;
  /** The server's own producer id, for events that have none. */
  readonly producer: string;
  readonly onCount?: (outcome: 'accepted' | 'duplicate' | 'refused' | 'ledger', count: number) => void;
}

interface Item {
  readonly number: number;
  readonly checked: Checked;
}

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
  readonly #waiting: (() => void)[] = [];
  #checking = 0;
  #sequence = 0;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /**
   * Takes the items of one body. Resolves when all that is accepted is on disk.
   *
   * @throws QueueFullError where the queue takes no more; the client sends everything again, and what was accepted is
   * then a duplicate.
   */
  async accept(items: Iterable<BodyItem>, source: string): Promise<IngestAnswer> {
    const refusals: Refusal[] = [];
    await this.#parts.pace?.ready();
    const checked = await this.#checkInTurn(items, refusals);
    const { accepted, duplicates } = await this.#publishAll(checked, refusals);
    const count = this.#parts.onCount;
    if (refusals.length > 0) {
      refusals.sort((a, b) => a.number - b.number);
      await this.#parts.bury(refusals.map(unusable), source, 'ingest');
      count?.('refused', refusals.length);
    }
    const ledgers = accepted.filter(({ checked }) => checked.kind === 'ledger').length;
    count?.('accepted', accepted.length - ledgers);
    count?.('ledger', ledgers);
    count?.('duplicate', duplicates);
    return {
      accepted: accepted.length,
      duplicates,
      refused: refusals.map(({ number, reason }) => ({ line: number, reason })),
    };
  }

  /** Takes dead letters again; the answer says of each whether it may go. */
  async acceptLetters(letters: readonly DeadLetter[]): Promise<Replayed[]> {
    const refusals: Refusal[] = [];
    const checked: Item[] = [];
    letters.forEach((letter, index) => {
      let value: unknown;
      try {
        if (!isUtf8(letter.line)) throw new SyntaxError('is not valid UTF-8');
        value = JSON.parse(letter.line.toString());
      } catch {
        refusals.push({ number: index, reason: letter.reason, raw: '', truncated: false });
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
  async #checkInTurn(items: Iterable<BodyItem>, refusals: Refusal[]): Promise<Item[]> {
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
  async #checkAll(items: Iterable<BodyItem>, refusals: Refusal[]): Promise<Item[]> {
    const checked: Item[] = [];
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

  #check(item: BodyItem, givenId?: string): Item | Refusal {
    const { number } = item;
    if (item.kind === 'refused') {
      return { number, reason: item.reason, raw: item.raw, truncated: item.reason.startsWith('has ') };
    }
    const checked = this.#parts.check(item.value, () => givenId ?? this.#nextId());
    return checked.kind === 'refused' ? { number, ...checked } : { number, checked };
  }

  async #publishAll(items: readonly Item[], refusals: Refusal[]): Promise<{ accepted: Item[]; duplicates: number }> {
    const { book } = this.#parts;
    if (book === undefined) {
      await this.#publish(items);
      return { accepted: [...items], duplicates: 0 };
    }
    const accepted: Item[] = [];
    let duplicates = 0;
    let rest = items;
    while (rest.length > 0) {
      const publication = book.publication();
      const fresh: Item[] = [];
      const contended: { readonly item: Item; readonly producer: string; readonly by: Publication }[] = [];
      for (const item of rest) {
        const { checked, number } = item;
        if (checked.kind === 'ledger') {
          fresh.push(item);
          continue;
        }
        const { producer, sequence } = checked.identity;
        const claim = book.claim(producer, sequence, publication);
        if (claim.kind === 'fresh') fresh.push(item);
        else if (claim.kind === 'duplicate') duplicates += 1;
        else if (claim.kind === 'refused') {
          refusals.push({ number, reason: claim.reason, raw: checked.line, truncated: false });
        } else contended.push({ item, producer, by: claim.by });
      }
      await this.#publish(fresh, publication);
      accepted.push(...fresh);
      const again: Item[] = [];
      for (const { item, producer, by } of contended) {
        if (await by.outcome) {
          book.noteDuplicate(producer);
          duplicates += 1;
        } else again.push(item);
      }
      rest = again;
    }
    return { accepted, duplicates };
  }

  async #publish(fresh: readonly Item[], publication?: Publication): Promise<void> {
    if (fresh.length === 0) {
      publication?.succeed();
      return;
    }
    const { queue, pace, book, live } = this.#parts;
    try {
      await queue.publish(
        fresh.map(({ checked }) => checked.line),
        fresh.map(({ checked }) => (checked.kind === 'event' ? checked.checked : undefined)),
      );
    } catch (error) {
      publication?.fail();
      throw error;
    }
    publication?.succeed();
    pace?.notePublished(fresh.reduce((bytes, { checked }) => bytes + checked.line.length, 0));
    for (const { checked } of fresh) {
      if (checked.kind === 'ledger') book?.noteLedger(checked.ledger);
      else if (checked.fields !== undefined) live.offer(checked.fields, checked.line);
    }
  }

  #nextId(): string {
    this.#sequence += 1;
    return formatEventId(this.#parts.producer, this.#sequence);
  }
}

function unusable({ reason, raw, truncated }: Refusal) {
  return { reason, line: raw, truncated };
}
