/**
 * A plan of aggregates as a pipeline. MongoDB works out the sums that `estimate.ts` asks for: the events that match are
 * summed up by trace within each group, then the traces by group. Events with rate 1 bring no uncertainty, so within a
 * group they are all summed up as if they were one trace; their spread is 0.
 *
 * The sums have the names that `measures.ts` reads: a0_seen, a0_unseen, … Distinct values are counted by a pipeline of
 * their own, joined by `$unionWith`, since a set within a group would have to fit into memory. Percentiles are in
 * `percentiles.ts`.
 */
import { aggregateName, requireDistinctNames, requireNumbers } from '../../query/compile-aggregation.ts';
import type { PlanContext } from '../../query/compile-plan.ts';
import type { Aggregate, Plan } from '../../query/plan.ts';
import { QueryError } from '../../query/query-error.ts';
import { matchFilter, type OrderPart, type Stage, sortBy } from './compile-plan.ts';
import { type Expression, fieldAt, isPresent, when } from './expressions.ts';

export interface Order extends Omit<OrderPart, 'value'> {
  /** `undefined` for a percentile, which MongoDB doesn't work out. */
  readonly value: Expression | undefined;
  /** The aggregate's number, where it is one. */
  readonly aggregate: number | undefined;
}

export interface Aggregation {
  readonly aggregates: readonly Aggregate[];
  readonly names: readonly string[];
  /** `g0, g1, …, b`: what a row of the answer stands for. */
  readonly keys: readonly string[];
  /** The filtered events, reduced to what is grouped by and aggregated. */
  readonly events: readonly Stage[];
  /** From events to groups, without their order. */
  readonly groups: readonly Stage[];
  readonly order: readonly Order[];
  readonly percentiles: readonly { readonly index: number; readonly column: string; readonly p: number }[];
}

type Sums = Record<string, Expression>;

/** @throws QueryError `BAD_AGGREGATE` or `BAD_ORDER` */
export function compileAggregation(context: PlanContext, collection: string): Aggregation {
  const { plan, bucketMs } = context;
  const aggregates: readonly Aggregate[] = plan.aggregates.length === 0 ? [{ fn: 'count' }] : plan.aggregates;
  const names = aggregates.map(aggregateName);
  requireDistinctNames([...plan.groupBy, ...(bucketMs === undefined ? [] : ['bucket']), ...names]);
  for (const aggregate of aggregates) requireNumbers(aggregate);

  const keys = [...plan.groupBy.map((_, i) => `g${i}`), ...(bucketMs === undefined ? [] : ['b'])];
  const events = [{ $match: matchFilter(context) }, { $project: eventColumns(plan, aggregates, bucketMs) }];
  const byTrace: Sums = { sampled: { $sum: '$k' } };
  const byGroup: Sums = { sampled: { $sum: '$sampled' } };
  const values: (Expression | undefined)[] = [];
  aggregates.forEach((aggregate, i) => {
    const { value, trace, group } = sumsOf(aggregate, i);
    Object.assign(byTrace, trace);
    Object.assign(byGroup, group);
    values.push(value);
  });
  const groups: Stage[] = [
    ...events,
    { $group: { _id: { ...keysFrom(keys, '$'), c: '$c' }, ...byTrace } },
    { $group: { _id: groupId(keys, '$_id.'), ...byGroup } },
  ];
  const distinct = aggregates.flatMap(({ fn }, i) => (fn === 'distinct' ? [i] : []));
  for (const i of distinct)
    groups.push({ $unionWith: { coll: collection, pipeline: distinctValues(events, keys, i) } });
  if (distinct.length > 0) {
    groups.push(
      { $group: { _id: '$_id', all: { $mergeObjects: '$$ROOT' } } },
      { $replaceRoot: { newRoot: '$all' } },
      // An event that came in between the two pipelines can be the only one of a group.
      { $match: { sampled: { $exists: true } } },
    );
  }
  return {
    aggregates,
    names,
    keys,
    events,
    groups,
    order: orderOf(plan, names, values, keys),
    percentiles: aggregates.flatMap((aggregate, index) =>
      aggregate.fn === 'percentile' ? [{ index, column: `v${index}`, p: (aggregate.p ?? 50) / 100 }] : [],
    ),
  };
}

/** The stages that bring the groups into the order of the answer. */
export function orderStages({ order }: Aggregation): Stage[] {
  const known = knownOrder(order);
  const { set, sort, unset } = sortBy(known);
  // Percentiles alone, without keys: there is one group.
  return known.length === 0 ? [] : [...set, { $sort: sort }, { $unset: unset }];
}

/** The stages that give each group what it is ordered by, as `order0`, `order1`, …, without ordering them. */
export function orderValueStages({ order }: Aggregation): readonly Stage[] {
  return sortBy(knownOrder(order)).set;
}

function knownOrder(order: readonly Order[]): OrderPart[] {
  return order.flatMap(({ value, direction }) => (value === undefined ? [] : [{ value, direction }]));
}

export function keysFrom(keys: readonly string[], prefix: '$' | '$_id.'): Sums {
  return Object.fromEntries(keys.map((key) => [key, `${prefix}${key}`]));
}

function groupId(keys: readonly string[], prefix: '$' | '$_id.'): Expression {
  return keys.length === 0 ? null : keysFrom(keys, prefix);
}

/** w: the event's weight; u = w − 1; s = √(w(w − 1)); k: 1 where it is sampled; c: its trace then; v0, v1, …: values. */
function eventColumns(plan: Plan, aggregates: readonly Aggregate[], bucketMs: number | undefined): Sums {
  const rate = '$sampling.rate';
  const isSampled = { $and: [{ $gt: [rate, 0] }, { $lt: [rate, 1] }] };
  const weight = { $divide: [1, rate] };
  const columns: Sums = {
    _id: 0,
    w: when(isSampled, weight, 1),
    u: when(isSampled, { $subtract: [weight, 1] }, 0),
    s: when(isSampled, { $sqrt: { $multiply: [weight, { $subtract: [weight, 1] }] } }, 0),
    k: when(isSampled, 1, 0),
    c: when(isSampled, { $ifNull: ['$trace_id', '$request_id', '$_id'] }, null),
  };
  plan.groupBy.forEach((field, i) => {
    columns[`g${i}`] = { $ifNull: [fieldAt(field), null] };
  });
  if (bucketMs !== undefined) {
    columns.b = { $multiply: [{ $floor: { $divide: [{ $toLong: '$timestamp' }, bucketMs] } }, bucketMs] };
  }
  if (aggregates.some(({ fn }) => fn === 'error_rate')) columns.f = when(IS_FAILURE, 1, 0);
  aggregates.forEach(({ fn, field }, i) => {
    if (field === undefined || fn === 'count' || fn === 'error_rate') return;
    const value = fieldAt(field);
    const column =
      fn === 'distinct' ? { $ifNull: [value, null] } : when({ $isNumber: value }, { $toDouble: value }, null);
    columns[`v${i}`] = column;
    // 1 where there is a value.
    columns[`h${i}`] = fn === 'distinct' ? when(isPresent(value), 1, 0) : when({ $isNumber: value }, 1, 0);
  });
  return columns;
}

/** An event is a failure by its level, its error code or its status. */
const IS_FAILURE = {
  $or: [
    { $in: [{ $ifNull: ['$level', ''] }, ['error', 'fatal']] },
    isPresent('$error.code'),
    { $and: [{ $isNumber: '$status' }, { $gte: ['$status', 500] }] },
  ],
};

interface AggregateSums {
  readonly trace: Sums;
  readonly group: Sums;
  /** What the aggregate is ordered by. */
  readonly value: Expression | undefined;
}

function sumsOf({ fn }: Aggregate, i: number): AggregateSums {
  const a = `a${i}`;
  const [v, h] = [`$v${i}`, `$h${i}`];
  const least = { [`${a}_min`]: { $min: v } };
  const leastOfAll = { [`${a}_min`]: { $min: `$${a}_min` } };
  switch (fn) {
    case 'count':
      return total(a, 1, 1);
    case 'sum': {
      const sums = total(a, v, h);
      return { ...sums, trace: { ...sums.trace, ...least }, group: { ...sums.group, ...leastOfAll } };
    }
    case 'avg': {
      const sums = ratio(a, v, h);
      return { ...sums, trace: { ...sums.trace, ...least }, group: { ...sums.group, ...leastOfAll } };
    }
    case 'error_rate': {
      const failed = total(a, '$f', '$f');
      const isFine = { $subtract: [1, '$f'] };
      const others = total(`s${i}`, isFine, isFine);
      const whole = { $add: [failed.value, others.value] };
      return {
        trace: { ...failed.trace, ...others.trace },
        group: { ...failed.group, ...others.group },
        value: when({ $gt: [whole, 0] }, { $divide: [failed.value, whole] }, null),
      };
    }
    case 'min':
    case 'max':
      return {
        trace: { [`${a}_value`]: { [`$${fn}`]: v }, [`${a}_sampled`]: { $sum: { $multiply: ['$k', h] } } },
        group: { [`${a}_value`]: { [`$${fn}`]: `$${a}_value` }, [`${a}_sampled`]: { $sum: `$${a}_sampled` } },
        value: `$${a}_value`,
      };
    case 'distinct':
      return { ...total(a, h, h), value: { $ifNull: [`$${a}_distinct`, 0] } };
    case 'percentile':
      return { ...total(a, h, h), value: undefined };
  }
}

/** The sums of a `TotalStatistics`. Where `y` is null it is left out of every sum; `h` is 1 where it isn't. */
function total(name: string, y: Expression, h: Expression): AggregateSums {
  const at = (part: string): string => `$${name}_${part}`;
  const squared = { $multiply: [at('spread'), at('spread')] };
  return {
    trace: {
      [`${name}_seen`]: { $sum: y },
      [`${name}_unseen`]: { $sum: { $multiply: ['$u', y] } },
      [`${name}_spread`]: { $sum: { $multiply: ['$s', y] } },
      [`${name}_sampled`]: { $sum: { $multiply: ['$k', h] } },
    },
    group: {
      [`${name}_seen`]: { $sum: at('seen') },
      [`${name}_unseen`]: { $sum: at('unseen') },
      [`${name}_variance`]: { $sum: squared },
      [`${name}_largest_unseen`]: { $max: at('unseen') },
      [`${name}_largest_variance`]: { $max: squared },
      [`${name}_sampled`]: { $sum: at('sampled') },
      [`${name}_clusters`]: { $sum: when({ $gt: [at('sampled'), 0] }, 1, 0) },
    },
    value: { $add: [at('seen'), at('unseen')] },
  };
}

/** The sums of a `RatioStatistics`. */
function ratio(name: string, y: Expression, h: Expression): AggregateSums {
  const at = (part: string): string => `$${name}_${part}`;
  const plain = ['total', 'weight', 'sampled_total', 'sampled_weight', 'sampled'];
  return {
    trace: {
      [`${name}_total`]: { $sum: { $multiply: ['$w', y] } },
      [`${name}_weight`]: { $sum: { $multiply: ['$w', h] } },
      [`${name}_sampled_total`]: { $sum: when({ $eq: ['$k', 1] }, { $multiply: ['$w', y] }, null) },
      [`${name}_sampled_weight`]: { $sum: { $multiply: ['$k', '$w', h] } },
      [`${name}_a`]: { $sum: { $multiply: ['$s', y] } },
      [`${name}_b`]: { $sum: { $multiply: ['$s', h] } },
      [`${name}_sampled`]: { $sum: { $multiply: ['$k', h] } },
    },
    group: {
      ...Object.fromEntries(plain.map((part) => [`${name}_${part}`, { $sum: at(part) }])),
      [`${name}_aa`]: { $sum: { $multiply: [at('a'), at('a')] } },
      [`${name}_ab`]: { $sum: { $multiply: [at('a'), at('b')] } },
      [`${name}_bb`]: { $sum: { $multiply: [at('b'), at('b')] } },
      [`${name}_clusters`]: { $sum: when({ $gt: [at('sampled'), 0] }, 1, 0) },
    },
    value: when({ $gt: [at('weight'), 0] }, { $divide: [at('total'), at('weight')] }, null),
  };
}

/** How many different values each group has. */
function distinctValues(events: readonly Stage[], keys: readonly string[], i: number): Stage[] {
  return [
    ...events,
    { $match: { [`h${i}`]: 1 } },
    { $group: { _id: { ...keysFrom(keys, '$'), v: `$v${i}` } } },
    { $group: { _id: groupId(keys, '$_id.'), [`a${i}_distinct`]: { $sum: 1 } } },
  ];
}

function orderOf(
  plan: Plan,
  names: readonly string[],
  values: readonly (Expression | undefined)[],
  keys: readonly string[],
): Order[] {
  const columns = new Map<string, Omit<Order, 'direction'>>();
  plan.groupBy.forEach((field, i) => {
    columns.set(field, { value: `$_id.g${i}`, aggregate: undefined });
  });
  if (keys.includes('b')) columns.set('bucket', { value: '$_id.b', aggregate: undefined });
  names.forEach((name, i) => {
    columns.set(name, { value: values[i], aggregate: i });
  });
  const order: Order[] = plan.orderBy.map(({ column, direction }) => {
    const known = columns.get(column);
    if (known === undefined) {
      const hint = `order by one of: ${[...columns.keys()].join(', ')}`;
      throw new QueryError('BAD_ORDER', `the answer has no column "${column}"`, undefined, hint);
    }
    return { ...known, direction };
  });
  if (plan.orderBy.length === 0) {
    if (keys.includes('b')) order.push({ value: '$_id.b', aggregate: undefined, direction: 'asc' });
    order.push({ value: values[0], aggregate: 0, direction: 'desc' });
  }
  // The keys last, so that ties have an order too and an answer is the same each time.
  for (const key of keys) order.push({ value: `$_id.${key}`, aggregate: undefined, direction: 'asc' });
  return order;
}
