/**
 * Queries wait in lanes, each with places of its own, so that a look at one event never waits behind a dozen percentiles over a
 * month. Within a lane they go in the order in which they came, and no lane waits for another: none starves.
 */
import { asksForEvents, isNewestFirst } from '../query/compile-plan.ts';
import type { Plan } from '../query/plan.ts';
import { QueryGate } from './query-gate.ts';

/** One event by its id; the latest events that match, which mostly ends early; everything else. */
export type Lane = 'event' | 'search' | 'analysis';

const MAX_SEARCH_ROWS = 1_000;
const WAITING_PER_PLACE = 16;

export class QueryLanes {
  readonly #gates: Readonly<Record<Lane, QueryGate>>;

  /** @param maxAnalyses - analyses that run at once, beside one search and one look at an event */
  constructor(maxAnalyses: number) {
    const gate = (places: number): QueryGate =>
      new QueryGate({ maxRunning: places, maxWaiting: places * WAITING_PER_PLACE });
    // A look at an event is over in a moment: so many more may wait.
    const event = new QueryGate({ maxRunning: 1, maxWaiting: 8 * WAITING_PER_PLACE });
    this.#gates = { event, search: gate(1), analysis: gate(maxAnalyses) };
  }

  /** @throws QueryError `TOO_MANY_QUERIES`, or `QUERY_CANCELLED` where the signal fires while waiting. */
  run<T>(lane: Lane, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#gates[lane].run(work, signal);
  }
}

export function laneOf(plan: Plan): Lane {
  return asksForEvents(plan) && isNewestFirst(plan) && plan.limit <= MAX_SEARCH_ROWS ? 'search' : 'analysis';
}
