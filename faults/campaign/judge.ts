/**
 * The judge: what is stored, held against what was promised.
 *
 * For each producer there are four accounts that were kept apart: what the oracle's file says was promised, what the producer
 * set out to log, what stands in the store's files, and what the ledger says. With K events kept, the judge wants:
 *
 * - no event id twice, and no event under two ids;
 * - each event of a producer to be one that it set out to log, unchanged, and in the order in which it logged them;
 * - each promised number to be stored. The only exception are the library's own events about a sink that failed, which that
 *   sink doesn't get: no more of them may be absent than the ledger counts as `own_failure`;
 * - nothing stored that was not promised, except what came last before a kill;
 * - the ledger to say of each producer as many stored events as there are, nothing in flight and nothing dead, and of the
 *   numbers that never were written, that they were dropped, for a reason that the library had told in a notice; a line that
 *   was torn before it was promised may be a dead letter: where the campaign tore it, and one where a kill did;
 * - a missing number only where a process was killed that had just been dropping events (see `ledger-line.ts`): the reason
 *   then died with it. The same goes for an event about a failing sink that was passed over a moment before the kill.
 */
import type { Ledger, ProducerAccount } from '../../tests/server-client.ts';
import { countSampledOut, isSampledOut, LEFT_OUT_RULE, type Testimony } from './oracle.ts';
import { readRequestId, SERVICE } from './planted.ts';

export interface StoredEvent {
  readonly producer: string;
  readonly sequence: number;
  readonly service: string;
  readonly topic: string;
  readonly requestId: string;
}

export interface Evidence {
  readonly testimonies: readonly Testimony[];
  readonly stored: readonly StoredEvent[];
  readonly ledger: Ledger;
  /** Producers whose spool was torn on purpose. */
  readonly torn: ReadonlySet<string>;
}

export interface Judgement {
  readonly faults: readonly string[];
  readonly promised: number;
  readonly stored: number;
  /** Stored, and a kill came before the oracle could note it. */
  readonly unnoted: number;
  readonly missing: number;
  readonly twice: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Dropped by a process that was killed before it could say why. */
  readonly droppedUnsaid: number;
  /** Events about a failing sink that this sink didn't get, of a process killed before it could say so. */
  readonly passedOverUnsaid: number;
}

const OWN_FAILURE = 'own_failure';
const OWN_TOPICS = new Set(['logger.handler.error', 'logger.fallback']);
/** Which notice goes before which reason. */
const NOTICES: Readonly<Record<string, readonly string[]>> = {
  spool_full: ['spool_full'],
  memory_full: ['spool_memory_full', 'spool_full', 'spool_in_memory'],
};
const EXAMPLES = 5;

export function judge({ testimonies, stored, ledger, torn }: Evidence): Judgement {
  const faults: string[] = [];
  const byProducer = groupByProducer(stored);
  const accounts = new Map(ledger.producers.map((account) => [account.producer, account]));
  const sums = { promised: 0, unnoted: 0, missing: 0, twice: 0, droppedUnsaid: 0, passedOverUnsaid: 0 };
  for (const testimony of testimonies) {
    const { producer } = testimony;
    const events = byProducer.get(producer) ?? [];
    const verdict = judgeProducer(testimony, events, accounts.get(producer), torn.has(producer));
    faults.push(...verdict.faults.map((fault) => `producer ${producer}: ${fault}`));
    sums.promised += testimony.promised.size;
    sums.unnoted += verdict.unnoted;
    sums.missing += verdict.missing;
    sums.twice += verdict.twice;
    sums.droppedUnsaid += verdict.droppedUnsaid;
    sums.passedOverUnsaid += verdict.passedOverUnsaid;
  }
  faults.push(...judgeStrangers(testimonies, byProducer), ...judgeTotals(ledger, stored.length - sums.twice));
  return { faults, stored: stored.length, dropped: ledger.totals.droppedByReason, ...sums };
}

function groupByProducer(stored: readonly StoredEvent[]): ReadonlyMap<string, readonly StoredEvent[]> {
  const groups = new Map<string, StoredEvent[]>();
  for (const event of stored) {
    const group = groups.get(event.producer);
    if (group === undefined) groups.set(event.producer, [event]);
    else group.push(event);
  }
  return groups;
}

function judgeProducer(
  testimony: Testimony,
  events: readonly StoredEvent[],
  account: ProducerAccount | undefined,
  wasTorn: boolean,
) {
  const faults: string[] = [];
  const { promised, own } = testimony;
  const numbers = new Set(events.map(({ sequence }) => sequence));
  const twice = events.length - numbers.size;
  if (twice > 0) faults.push(`${twice} events are stored more than once`);

  faults.push(...judgeContent(testimony, events));

  const absent = [...promised].filter((sequence) => !numbers.has(sequence));
  const lost = absent.filter((sequence) => !own.has(sequence));
  const ownFailures = account?.droppedByReason[OWN_FAILURE] ?? 0;
  // Events about a failing sink that were passed over, by this process or by one that adopted its spool, which was killed
  // before it could say so. The ledger then shows them as missing.
  const passedOver = absent.length - lost.length - ownFailures;
  if (lost.length > 0) faults.push(`${lost.length} promised events are missing: ${examples(lost)}`);

  const highestPromised = largest(promised);
  const unnoted = [...numbers].filter((sequence) => !promised.has(sequence));
  const early = unnoted.filter((sequence) => sequence < highestPromised);
  if (testimony.isClosed && unnoted.length > 0 && !wasInMemory(testimony)) {
    faults.push(
      `it ended in order, and ${unnoted.length} events are stored that were not written: ${examples(unnoted)}`,
    );
  } else if (early.length > 0 && !wasInMemory(testimony)) {
    faults.push(`events are stored that were not written: ${examples(early)}`);
  }

  let droppedUnsaid = 0;
  if (account !== undefined) {
    const { kept, inFlight, dead } = account;
    // What came after the last number that the ledger knows of can't be in it.
    const unsaid = Math.max(0, passedOver - absent.filter((sequence) => sequence > kept).length);
    // Written a moment before the kill, so not noted, and then passed over by whoever adopted the spool.
    const passedOverUnnoted = testimony.isClosed ? 0 : Math.max(0, -passedOver);
    if (account.stored !== numbers.size) {
      faults.push(`the ledger says ${account.stored} stored, and there are ${numbers.size}`);
    }
    if (inFlight > 0) faults.push(`the ledger says that ${inFlight} are in flight`);
    // A line that was torn before it was promised becomes a dead letter under its own number: by the campaign, or by the
    // kill itself, which may come in the middle of the last write.
    const mostDead = wasTorn ? Number.POSITIVE_INFINITY : testimony.isClosed ? 0 : 1;
    if (dead > mostDead) faults.push(`the ledger says that ${dead} are dead`);
    const dropped = account.dropped - ownFailures;
    let unwritten = 0;
    for (let sequence = 1; sequence <= kept; sequence += 1) {
      if (!promised.has(sequence) && !numbers.has(sequence)) unwritten += 1;
    }
    if (dropped + dead + account.missing + passedOverUnnoted !== unwritten + unsaid) {
      faults.push(
        `${unwritten} events were never written, and the ledger says ${dropped} dropped, ${dead} dead and ${account.missing} missing`,
      );
    }
    for (const reason of Object.keys(account.droppedByReason)) {
      if (reason === OWN_FAILURE || (NOTICES[reason] ?? []).some((code) => testimony.notices.has(code))) continue;
      faults.push(`events were dropped for ${reason}, and no notice had told of it`);
    }
    if (account.missing > unsaid && !mayHaveDroppedUnsaid(testimony)) {
      faults.push(`the ledger says that ${account.missing} are missing`);
    }
    droppedUnsaid = account.missing - unsaid;
    faults.push(...judgeSampling(testimony, account));
  } else if (promised.size > absent.length) {
    faults.push('the ledger does not know it');
  }
  return {
    faults,
    twice,
    missing: lost.length,
    unnoted: unnoted.length,
    droppedUnsaid,
    passedOverUnsaid: Math.max(0, passedOver),
  };
}

/** Each event is one that the producer set out to log, as it was, once, and in order. */
function judgeContent({ producer, intended }: Testimony, events: readonly StoredEvent[]): readonly string[] {
  const faults: string[] = [];
  const told = new Set<number>();
  let last = 0;
  for (const event of [...events].sort((a, b) => a.sequence - b.sequence)) {
    if (OWN_TOPICS.has(event.topic)) continue;
    const n = readRequestId(producer, event.requestId);
    if (event.service !== SERVICE || n === undefined || n < 1 || n > intended || isSampledOut(n)) {
      faults.push(`event ${event.sequence} was invented (${event.service}, ${event.requestId})`);
    } else if (told.has(n)) {
      if (n !== last) faults.push(`event ${n} is stored under two numbers`);
    } else if (n < last) {
      faults.push(`event ${n} got its number after event ${last}`);
    } else {
      told.add(n);
      last = n;
    }
  }
  return faults.slice(0, EXAMPLES);
}

/** What was decided on is what was logged; only the last second of a process that was killed may be unknown. */
function judgeSampling(testimony: Testimony, account: ProducerAccount): readonly string[] {
  const { emitted, kept, sampledOut } = account;
  const faults: string[] = [];
  if (emitted !== kept + sampledOut) {
    faults.push(`${emitted} were emitted, which are not ${kept} kept and ${sampledOut} left out`);
  }
  // Under pressure the policy leaves out others too, by another rule.
  const leftOut = account.sampledOutByRule[LEFT_OUT_RULE] ?? 0;
  const intended = countSampledOut(testimony.intended);
  const isSure = testimony.isClosed && !wasInMemory(testimony);
  if (isSure ? leftOut !== intended : leftOut > intended) {
    faults.push(`${intended} events were to be left out, and the ledger says ${leftOut}`);
  }
  if (isSure && emitted < testimony.intended) {
    faults.push(`${testimony.intended} events were logged, and the ledger says ${emitted}`);
  }
  return faults;
}

/** Others have events of their own about themselves only. */
function judgeStrangers(
  testimonies: readonly Testimony[],
  byProducer: ReadonlyMap<string, readonly StoredEvent[]>,
): readonly string[] {
  const known = new Set(testimonies.map(({ producer }) => producer));
  const faults: string[] = [];
  for (const [producer, events] of byProducer) {
    if (known.has(producer)) continue;
    const invented = events.filter(({ topic }) => !OWN_TOPICS.has(topic));
    if (invented.length > 0) faults.push(`${invented.length} events of a producer ${producer} that never was`);
  }
  return faults;
}

function judgeTotals({ totals }: Ledger, stored: number): readonly string[] {
  const faults: string[] = [];
  const { kept, dropped, dead, missing, inFlight } = totals;
  if (totals.stored !== stored) faults.push(`the ledger says ${totals.stored} stored in all, and there are ${stored}`);
  if (kept !== totals.stored + dropped + dead + missing + inFlight) {
    faults.push(`the ledger does not add up: ${JSON.stringify(totals)}`);
  }
  return faults;
}

/** Its events never were in a spool: what it says of them is all there is. */
function wasInMemory({ notices }: Testimony): boolean {
  return notices.has('spool_in_memory');
}

function mayHaveDroppedUnsaid(testimony: Testimony): boolean {
  if (testimony.isClosed) return false;
  return ['spool_full', 'spool_memory_full', 'spool_unwritable', 'spool_in_memory'].some((code) =>
    testimony.notices.has(code),
  );
}

function largest(numbers: Iterable<number>): number {
  let highest = 0;
  for (const number of numbers) if (number > highest) highest = number;
  return highest;
}

function examples(numbers: readonly number[]): string {
  return numbers.slice(0, EXAMPLES).join(', ') + (numbers.length > EXAMPLES ? ', …' : '');
}
