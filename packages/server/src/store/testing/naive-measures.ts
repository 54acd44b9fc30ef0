/**
 * The measure of an aggregate over one group, with its interval, worked out by plain loops over the events: what the
 * statistics of `estimate.ts` are, each by its definition. The oracle for every store's own way to them.
 */
import type { Measure } from '../../query/answer.ts';
import {
  asMeasure,
  boundDistinct,
  boundExtreme,
  estimateCount,
  estimateRatio,
  estimateShare,
  estimateSignedTotal,
  estimateTotal,
  percentileShares,
  type TotalStatistics,
} from '../../query/estimate.ts';
import type { Aggregate } from '../../query/plan.ts';
import type { Event } from './generated.ts';
import { distinctKey, isFailure, sum, weight } from './naive-answer.ts';

/** A value of an event, its weight and its trace. */
interface Point {
  readonly y: number;
  readonly w: number;
  readonly trace: string;
}

export function naiveMeasure(aggregate: Aggregate, members: readonly Event[]): Measure | null {
  const field = aggregate.field ?? '';
  const ones = (events: readonly Event[]): Point[] => events.map((event) => point(event, 1));
  const numbers = members.flatMap((event) => {
    const value = event[field];
    return typeof value === 'number' ? [point(event, value)] : [];
  });
  switch (aggregate.fn) {
    case 'count':
      return estimateCount(totalOf(ones(members)));
    case 'sum': {
      const isSigned = numbers.some(({ y }) => y < 0);
      return isSigned
        ? estimateSignedTotal(totalOf(numbers), tracesOf(numbers.filter(isSampled)).length)
        : estimateTotal(totalOf(numbers));
    }
    case 'avg':
      return ratioOf(numbers);
    case 'error_rate':
      return estimateShare(
        totalOf(ones(members.filter(isFailure))),
        totalOf(ones(members.filter((event) => !isFailure(event)))),
      );
    case 'min':
    case 'max': {
      if (numbers.length === 0) return null;
      const values = numbers.map(({ y }) => y);
      return boundExtreme(Math[aggregate.fn](...values), aggregate.fn, numbers.filter(isSampled).length);
    }
    case 'distinct': {
      const having = members.filter((event) => distinctKey(event[field]) !== undefined);
      const keys = new Set(having.map((event) => distinctKey(event[field])));
      return boundDistinct(keys.size, totalOf(ones(having)));
    }
    case 'percentile':
      return percentileOf(numbers, (aggregate.p ?? 50) / 100);
  }
}

/** How large the terms of a sum are, against which its rounding error is to be judged. */
export function termsOf(aggregate: Aggregate, members: readonly Event[]): number {
  if (aggregate.fn !== 'sum' && aggregate.fn !== 'avg') return 0;
  return sum(
    members.map((event) => {
      const value = event[aggregate.field ?? ''];
      return typeof value === 'number' ? weight(event) * Math.abs(value) : 0;
    }),
  );
}

function point(event: Event, y: number): Point {
  const trace = event.trace_id ?? event.request_id ?? event.event_id;
  return { y, w: weight(event), trace: String(trace) };
}

const isSampled = ({ w }: Point): boolean => w > 1;
const spread = (w: number): number => Math.sqrt(w * (w - 1));

function tracesOf(points: readonly Point[]): (readonly Point[])[] {
  const traces = new Map<string, Point[]>();
  for (const each of points) {
    const trace = traces.get(each.trace);
    if (trace === undefined) traces.set(each.trace, [each]);
    else trace.push(each);
  }
  return [...traces.values()];
}

function totalOf(points: readonly Point[]): TotalStatistics {
  const traces = tracesOf(points.filter(isSampled)).map((members) => ({
    unseen: sum(members.map(({ y, w }) => (w - 1) * y)),
    variance: sum(members.map(({ y, w }) => spread(w) * y)) ** 2,
  }));
  return {
    seen: sum(points.map(({ y }) => y)),
    unseen: sum(traces.map(({ unseen }) => unseen)),
    variance: sum(traces.map(({ variance }) => variance)),
    largestUnseen: Math.max(0, ...traces.map(({ unseen }) => unseen)),
    largestVariance: Math.max(0, ...traces.map(({ variance }) => variance)),
    sampled: points.filter(isSampled).length,
  };
}

function ratioOf(points: readonly Point[]): Measure | null {
  const sampled = points.filter(isSampled);
  const traces = tracesOf(sampled).map((members) => ({
    a: sum(members.map(({ y, w }) => spread(w) * y)),
    b: sum(members.map(({ w }) => spread(w))),
  }));
  return estimateRatio({
    total: sum(points.map(({ y, w }) => w * y)),
    weight: sum(points.map(({ w }) => w)),
    sampledTotal: sum(sampled.map(({ y, w }) => w * y)),
    sampledWeight: sum(sampled.map(({ w }) => w)),
    aa: sum(traces.map(({ a }) => a * a)),
    ab: sum(traces.map(({ a, b }) => a * b)),
    bb: sum(traces.map(({ b }) => b * b)),
    sampled: sampled.length,
    clusters: traces.length,
    isPositive: points.every(({ y }) => y >= 0),
  });
}

function percentileOf(points: readonly Point[], p: number): Measure | null {
  const sorted = [...points].sort((a, b) => a.y - b.y);
  const whole = sum(sorted.map(({ w }) => w));
  const values = [...new Set(sorted.map(({ y }) => y))];
  const upTo = new Map<number, number>();
  let reached = 0;
  for (const { y, w } of sorted) {
    reached += w;
    upTo.set(y, reached);
  }
  const firstAt = (share: number): number | undefined =>
    values.find((value) => (upTo.get(value) ?? 0) >= share * whole * (1 - 1e-12));
  const value = firstAt(p);
  if (value === undefined) return null;
  const sampled = sorted.filter(isSampled);
  if (sampled.length === 0) return value;

  const offset = ({ y }: Point): number => (y <= value ? 1 : 0) - p;
  const apart = sum(sampled.map((each) => (spread(each.w) * offset(each)) ** 2));
  const together = sum(tracesOf(sampled).map((trace) => sum(trace.map((each) => spread(each.w) * offset(each))) ** 2));
  const factor = apart > 0 ? Math.max(1, together / apart) : 1;
  const largest = Math.max(...sorted.map(({ w }) => w));
  const side = (members: readonly Point[]): TotalStatistics => ({
    seen: members.length,
    unseen: sum(members.map(({ w }) => w - 1)),
    variance: sum(members.map(({ w }) => w * (w - 1))) * factor,
    largestUnseen: largest - 1,
    largestVariance: largest * (largest - 1) * factor,
    sampled: members.filter(isSampled).length,
  });
  const [low, high] = percentileShares(
    p,
    side(sorted.filter(({ y }) => y <= value)),
    side(sorted.filter(({ y }) => y > value)),
  );
  const above = values.find((each) => (upTo.get(each) ?? 0) > high * whole * (1 + 1e-12));
  return asMeasure({ value, low: firstAt(low) ?? value, high: above ?? values.at(-1) ?? value }, true);
}
