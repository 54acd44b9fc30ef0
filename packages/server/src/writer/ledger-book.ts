/**
 * The ledger's book: for each producer, which of its events are here.
 *
 * A producer numbers the events that it keeps 1, 2, 3, …, one number each. So the book needs no list of ids: it keeps two
 * sets of numbers for each producer, each a few intervals (see `SequenceSet`).
 *
 *   accepted   published to the queue, durably: a number in it is answered as a duplicate
 *   stored     taken by the store: the writer drops what is in it
 *
 * and one map of numbers that are on their way into the queue right now. Two clients that send the same event at the same
 * time are settled there: the second waits for the first, and is a duplicate only if the first really got onto the disk.
 *
 * A hole below the highest number that is known of (from the producer's ledger line, or from its events) that is neither
 * dead nor dropped is missing. It gets some time first, since batches overtake each other: a hole counts as in flight until
 * `graceMs` after the number became known, and for as long as the queue holds something that is older than that.
 *
 *   kept = stored + in flight + dead + dropped + missing
 *
 * The stored half goes into the store's checkpoint; the accepted half is made again at the start, from the checkpoint and
 * what the queue still holds. The book is bounded: of the producers that have been quiet longest, those whose account is
 * complete are folded into one number each (all from 1 to n are here); only when there are too many of those too are the
 * oldest forgotten, which is counted.
 */
import { type Intervals, type LedgerAmendment, type LedgerLine, mergeLosses } from 'tailrace/ledger';
import { type Account, newAccount, noteClaim, settleClaims } from './account.ts';
import { type AccountSnapshot, type BookSnapshot, checkBookSnapshot } from './book-snapshot.ts';
import {
  addReport,
  EMPTY_TOTALS,
  highestLost,
  type LedgerReport,
  type LedgerTotals,
  type ProducerReport,
  reportAccount,
} from './ledger-report.ts';
import { type Claim, Publication } from './publication.ts';

export interface LedgerBookOptions {
  /** Producers whose account is kept in full. */
  readonly maxProducers: number;
  readonly graceMs: number;
  /** Before this time nothing was published that may still come out of the queue, in milliseconds since 1970. */
  readonly passedMs: number;
  readonly now: () => number;
}

/** Intervals of one producer; beyond it the numbers aren't what they should be, and the set would cost too much. */
const MAX_INTERVALS = 10_000;
/** Folded producers for each one that is kept in full. */
const FOLDED_PER_PRODUCER = 10;

const FRESH: Claim = { kind: 'fresh' };
const DUPLICATE: Claim = { kind: 'duplicate' };

export class LedgerBook {
  readonly #options: LedgerBookOptions;
  readonly #accounts = new Map<string, Account>();
  /** Producers of which every number from 1 to the value is stored. Oldest first. */
  readonly #folded = new Map<string, number>();
  #foldedTotals: LedgerTotals | undefined;
  #forgotten = 0;
  #duplicates = 0;

  constructor(options: LedgerBookOptions, snapshot?: unknown) {
    this.#options = options;
    if (snapshot !== undefined) this.#restore(checkBookSnapshot(snapshot));
  }

  /** Duplicates that were refused or dropped since the start. */
  get duplicates(): number {
    return this.#duplicates;
  }

  publication(): Publication {
    return new Publication(this.#options.now());
  }

  /** Asks for an event to be published as part of `publication`. */
  claim(producer: string, sequence: number, publication: Publication): Claim {
    if (sequence <= (this.#folded.get(producer) ?? 0)) {
      this.noteDuplicate(producer);
      return DUPLICATE;
    }
    const account = this.#account(producer);
    if (account.accepted.has(sequence)) {
      this.noteDuplicate(producer);
      return DUPLICATE;
    }
    const by = account.publishing.get(sequence);
    if (by !== undefined) return { kind: 'contended', by };
    if (account.accepted.intervalCount >= MAX_INTERVALS && sequence !== account.accepted.last + 1) {
      return {
        kind: 'refused',
        reason: `event_id: producer ${producer} has left out numbers in ${MAX_INTERVALS} places; it must number its events 1, 2, 3, …`,
      };
    }
    publication.add(account, sequence);
    return FRESH;
  }

  /** An event that the queue held at the start. */
  replayAccepted(producer: string, sequence: number): void {
    const account = this.#account(producer);
    account.accepted.add(sequence);
    noteClaim(account, sequence, this.#options.now());
  }

  /** Takes a producer's own account; an older one than is known changes nothing. */
  noteLedger(ledger: LedgerLine | LedgerAmendment): void {
    if ('amends' in ledger) {
      this.#noteAmendment(ledger);
      return;
    }
    if (ledger.sequence <= (this.#folded.get(ledger.producer) ?? -1)) return;
    const account = this.#account(ledger.producer);
    const nowMs = this.#options.now();
    account.lastSeenMs = nowMs;
    const known = account.ledger;
    if (known !== undefined && isOlder(ledger, known)) return;
    account.ledger = ledger;
    if (ledger.sequence > 0) noteClaim(account, ledger.sequence, nowMs);
  }

  #noteAmendment(amendment: LedgerAmendment): void {
    // Of a folded producer every number is here: nothing can be dead or dropped.
    if (this.#folded.has(amendment.producer) && !this.#accounts.has(amendment.producer)) return;
    const account = this.#account(amendment.producer);
    const nowMs = this.#options.now();
    account.lastSeenMs = nowMs;
    const known = account.amendment;
    account.amendment = {
      ...amendment,
      dropped: mergeLosses(known?.dropped ?? {}, amendment.dropped),
      dead: mergeLosses(known?.dead ?? {}, amendment.dead),
    };
    const highest = highestLost(amendment);
    if (highest > 0) noteClaim(account, highest, nowMs);
  }

  isStored(producer: string, sequence: number): boolean {
    if (sequence <= (this.#folded.get(producer) ?? 0)) return true;
    return this.#accounts.get(producer)?.stored.has(sequence) ?? false;
  }

  markStored(producer: string, sequence: number): void {
    const account = this.#account(producer);
    account.accepted.add(sequence);
    account.stored.add(sequence);
  }

  /** What a store says that it holds of a producer. */
  noteStored(producer: string, stored: Intervals): void {
    const account = this.#account(producer);
    const before = account.stored.size;
    for (const [from, to] of stored) {
      account.accepted.addRange(from, to);
      account.stored.addRange(from, to);
    }
    if (account.stored.size === before) return;
    const nowMs = this.#options.now();
    account.lastSeenMs = nowMs;
    noteClaim(account, account.stored.last, nowMs);
  }

  /** An event came that is stored already. */
  noteDuplicate(producer: string): void {
    if (!this.#folded.has(producer)) this.#account(producer).duplicates += 1;
    this.#duplicates += 1;
  }

  report(): LedgerReport {
    const nowMs = this.#options.now();
    const producers = [...this.#accounts.values()].map((account) => this.#report(account, nowMs));
    producers.sort((a, b) => (a.lastSeen < b.lastSeen ? 1 : -1));
    let totals = this.#foldedTotals ?? EMPTY_TOTALS;
    for (const producer of producers)
      totals = addReport(totals, producer, this.#accounts.get(producer.producer)?.folded);
    return {
      totals,
      producers,
      folded: { producers: this.#folded.size, forgotten: this.#forgotten },
    };
  }

  /** What goes into the store's checkpoint. */
  snapshot(): BookSnapshot {
    this.#fold();
    return {
      version: 1,
      producers: [...this.#accounts.values()].map(
        (account): AccountSnapshot => ({
          producer: account.producer,
          stored: account.stored.intervals(),
          ...(account.ledger === undefined ? {} : { ledger: account.ledger }),
          ...(account.amendment === undefined ? {} : { amendment: account.amendment }),
          duplicates: account.duplicates,
          folded: account.folded,
          firstSeenMs: account.firstSeenMs,
          lastSeenMs: account.lastSeenMs,
        }),
      ),
      folded: [...this.#folded],
      ...(this.#foldedTotals === undefined ? {} : { foldedTotals: this.#foldedTotals }),
      forgotten: this.#forgotten,
    };
  }

  #restore(snapshot: BookSnapshot): void {
    const nowMs = this.#options.now();
    for (const saved of snapshot.producers) {
      const account: Account = {
        ...newAccount(saved.producer, saved.stored, saved.firstSeenMs),
        ledger: saved.ledger,
        amendment: saved.amendment,
        duplicates: saved.duplicates,
        folded: saved.folded,
        lastSeenMs: saved.lastSeenMs,
      };
      const lost = saved.amendment === undefined ? 0 : highestLost(saved.amendment);
      const known = Math.max(account.accepted.last, saved.ledger?.sequence ?? 0, lost);
      if (known > 0) noteClaim(account, known, nowMs);
      this.#accounts.set(account.producer, account);
    }
    for (const [producer, last] of snapshot.folded) this.#folded.set(producer, last);
    this.#foldedTotals = snapshot.foldedTotals;
    this.#forgotten = snapshot.forgotten;
  }

  #account(producer: string): Account {
    const known = this.#accounts.get(producer);
    if (known !== undefined) return known;
    const last = this.#folded.get(producer) ?? 0;
    const had = newAccount(producer, last === 0 ? [] : [[1, last]], this.#options.now());
    const account: Account = { ...had, settled: last, folded: last };
    this.#accounts.set(producer, account);
    return account;
  }

  #report(account: Account, nowMs: number): ProducerReport {
    settleClaims(account, Math.min(nowMs, this.#options.passedMs) - this.#options.graceMs);
    return reportAccount(account);
  }

  /** Keeps the book within its bounds. */
  #fold(): void {
    const excess = this.#accounts.size - this.#options.maxProducers;
    if (excess <= 0) return;
    const nowMs = this.#options.now();
    const quiet = [...this.#accounts.values()]
      .filter((account) => account.publishing.size === 0 && account.accepted.size === account.stored.size)
      .sort((a, b) => a.lastSeenMs - b.lastSeenMs)
      .slice(0, excess);
    for (const account of quiet) {
      const report = this.#report(account, nowMs);
      this.#foldedTotals = addReport(this.#foldedTotals ?? EMPTY_TOTALS, report, account.folded);
      this.#accounts.delete(account.producer);
      if (account.stored.intervalCount === 1 && account.stored.has(1))
        this.#folded.set(account.producer, account.stored.last);
      else this.#forgotten += 1;
    }
    const bound = this.#options.maxProducers * FOLDED_PER_PRODUCER;
    for (const producer of this.#folded.keys()) {
      if (this.#folded.size <= bound) break;
      this.#folded.delete(producer);
      this.#forgotten += 1;
    }
  }
}

function isOlder(ledger: LedgerLine, known: LedgerLine): boolean {
  return ledger.emitted < known.emitted || (ledger.emitted === known.emitted && ledger.timestamp < known.timestamp);
}
