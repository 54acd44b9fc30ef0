/** A plan of events as a pipeline, and what plans of both kinds share. */
import { isNewestFirst, type PlanContext } from '../../query/compile-plan.ts';
import type { EventKey } from '../store.ts';
import { compileSearch, type Filter } from './compile-search.ts';
import { dateAt } from './dates.ts';
import { type Expression, fieldAt, isPresent, when } from './expressions.ts';

export type Stage = Readonly<Record<string, unknown>>;

/** The filter that picks a plan's events: its range and its search. */
export function matchFilter({ range, search }: PlanContext): Filter {
  const between = { timestamp: { $gte: dateAt(range.fromMs), $lt: dateAt(range.toMs) } };
  return search.kind === 'all' ? between : { $and: [between, compileSearch(search)] };
}

/** Newest first, unless the plan orders them otherwise. What is only searched in stays where it is. */
export function compileEvents(context: PlanContext, after: EventKey | undefined, limit: number): Stage[] {
  const filters = [matchFilter(context)];
  if (after !== undefined) {
    const timestamp = new Date(after.timestamp);
    filters.push({ timestamp: { $lte: timestamp } });
    filters.push({ $or: [{ timestamp: { $lt: timestamp } }, { timestamp, _id: { $lt: after.eventId } }] });
  }
  const match = { $match: { $and: filters } };
  if (isNewestFirst(context.plan)) {
    return [match, { $sort: { timestamp: -1, _id: -1 } }, { $limit: limit }, { $unset: 'text' }];
  }
  const order = context.plan.orderBy.map(({ column, direction }) => ({ value: fieldAt(column), direction }));
  const { set, sort, unset } = sortBy(order);
  return [
    match,
    ...set,
    { $sort: { ...sort, timestamp: -1, _id: -1 } },
    { $limit: limit },
    { $unset: [...unset, 'text'] },
  ];
}

export interface OrderPart {
  readonly value: Expression;
  readonly direction: 'asc' | 'desc';
}

/** What is missing comes last, whatever the direction; an array is one value, and not its least element. */
export function sortBy(order: readonly OrderPart[]): {
  readonly set: readonly Stage[];
  readonly sort: Readonly<Record<string, 1 | -1>>;
  readonly unset: readonly string[];
} {
  const set: Record<string, Expression> = {};
  const sort: Record<string, 1 | -1> = {};
  order.forEach(({ value, direction }, i) => {
    set[`isMissing${i}`] = when(isPresent(value), 0, 1);
    set[`order${i}`] = when({ $isArray: [value] }, [value], value);
    sort[`isMissing${i}`] = 1;
    sort[`order${i}`] = direction === 'asc' ? 1 : -1;
  });
  return { set: order.length === 0 ? [] : [{ $set: set }], sort, unset: Object.keys(set) };
}
