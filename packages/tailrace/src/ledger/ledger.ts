import { type Intervals, LEDGER_SCHEMA, type LedgerLine, type LossCount } from './ledger-line.ts';
import { Losses } from './losses.ts';

/** Who keeps the account. */
export interface LedgerOwner {
  readonly producer: string;
  readonly service: string;
  readonly host: string;
  readonly pid: number;
  readonly startedMs: number;
}

/** Events that the policy did not keep. */
export interface SampledOut {
  readonly rule: string;
  readonly service: string;
  /** Empty where the events had none; `…` for those beyond the bound on names. */
  readonly route: string;
  readonly count: number;
}

interface Tally {
  count: number;
}

interface LastTally {
  readonly rule: string;
  readonly service: string;
  readonly route: string | undefined;
  readonly tally: Tally;
}

const MAX_ROUTES = 1_000;
const OVERFLOW = '…';

/**
 * The account of one producer, in memory: what was decided on, kept, left out, and lost, each by reason.
 *
 * It counts each thing where it happens, and derives none from another, so that `emitted = kept + sampled out` says
 * something when it holds.
 */
export class Ledger {
  readonly #owner: LedgerOwner;
  readonly #kept = new Map<string, number>();
  readonly #sampledOut = new Map<string, Map<string, Map<string, Tally>>>();
  readonly #dropped = new Map<string, Losses>();
  readonly #dead = new Map<string, Losses>();
  /** Where the last event that was left out was counted: those of one scope follow each other. */
  #last: LastTally = { rule: '', service: '', route: '', tally: { count: 0 } };
  #emitted = 0;
  #sequence = 0;
  #routes = 0;
  #changes = 0;

  constructor(owner: LedgerOwner) {
    this.#owner = owner;
  }

  get emitted(): number {
    return this.#emitted;
  }

  /** Grows with everything that is entered, so that a reader sees whether there is news. */
  get changes(): number {
    return this.#changes;
  }

  /** The policy is about to decide on an event. */
  enterEmitted(): void {
    this.#emitted += 1;
    this.#changes += 1;
  }

  /** An event is kept; returns its sequence number. */
  enterKept(rule: string): number {
    this.#kept.set(rule, (this.#kept.get(rule) ?? 0) + 1);
    this.#sequence += 1;
    return this.#sequence;
  }

  enterSampledOut(rule: string, service: string, route: string | undefined): void {
    const last = this.#last;
    if (last.rule !== rule || last.service !== service || last.route !== route) {
      this.#last = { rule, service, route, tally: this.#tallyOf(rule, service, route) };
    }
    this.#last.tally.count += 1;
  }

  #tallyOf(rule: string, service: string, route: string | undefined): Tally {
    const byService = entryOf(this.#sampledOut, rule, newMap<Map<string, Tally>>);
    const isFull = this.#routes >= MAX_ROUTES;
    const byRoute = entryOf(byService, isFull && !byService.has(service) ? OVERFLOW : service, newMap<Tally>);
    const name = isFull && !byRoute.has(route ?? '') ? OVERFLOW : (route ?? '');
    const known = byRoute.get(name);
    if (known !== undefined) return known;
    const tally = { count: 0 };
    this.#routes += 1;
    byRoute.set(name, tally);
    return tally;
  }

  /** A kept event didn't reach the spool. */
  enterDropped(sequence: number, reason: string): void {
    this.enterLost(reason, 1, [[sequence, sequence]]);
  }

  /** Kept events were lost to one reason. */
  enterLost(reason: string, count: number, sequences: Intervals): void {
    this.#changes += 1;
    entryOf(this.#dropped, reason, newLosses).add(count, sequences);
  }

  /** Kept events ended as dead letters. */
  enterDead(route: string, count: number, sequences: Intervals): void {
    this.#changes += 1;
    entryOf(this.#dead, route, newLosses).add(count, sequences);
  }

  sampledOut(): SampledOut[] {
    const result: SampledOut[] = [];
    for (const [rule, byService] of this.#sampledOut) {
      for (const [service, byRoute] of byService) {
        for (const [route, { count }] of byRoute) result.push({ rule, service, route, count });
      }
    }
    return result;
  }

  line(nowMs: number, closed: boolean): LedgerLine {
    const sampledOut = new Map<string, number>();
    for (const { rule, count } of this.sampledOut()) sampledOut.set(rule, (sampledOut.get(rule) ?? 0) + count);
    const { producer, service, host, pid, startedMs } = this.#owner;
    return {
      // First, so that the line begins as LEDGER_LINE_START says.
      schema: LEDGER_SCHEMA,
      producer,
      service,
      host,
      pid,
      started: new Date(startedMs).toISOString(),
      timestamp: new Date(nowMs).toISOString(),
      emitted: this.#emitted,
      sequence: this.#sequence,
      kept: Object.fromEntries(this.#kept),
      sampled_out: Object.fromEntries(sampledOut),
      dropped: describeLosses(this.#dropped),
      dead: describeLosses(this.#dead),
      closed,
    };
  }
}

function entryOf<V>(map: Map<string, V>, name: string, create: () => V): V {
  const known = map.get(name);
  if (known !== undefined) return known;
  const created = create();
  map.set(name, created);
  return created;
}

function newMap<V>(): Map<string, V> {
  return new Map();
}

function newLosses(): Losses {
  return new Losses();
}

function describeLosses(map: ReadonlyMap<string, Losses>): Record<string, LossCount> {
  return Object.fromEntries([...map].map(([name, losses]) => [name, losses.describe()]));
}
