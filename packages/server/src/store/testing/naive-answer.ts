/**
 * What a plan answers, worked out the slow and obvious way: the oracle for every store's own way. Values only; their
 * intervals are in `naive-measures.ts`.
 */
import { matchesSearch } from '../../query/match.ts';
import type { Aggregate, Plan } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import { resolveBucketMs, resolveRange } from '../../query/time.ts';
import type { Event } from './generated.ts';

export interface NaiveGroup {
  readonly keys: readonly unknown[];
  readonly values: readonly (number | null)[];
  /** Whether a sampled event has part in each of the values. */
  readonly isEstimated: readonly boolean[];
  readonly members: readonly Event[];
}

export function naiveEvents(plan: Plan, events: readonly Event[], nowMs: number): Event[] {
  const range = resolveRange(plan, nowMs);
  const search = parseSearch(plan.where, nowMs);
  return events.filter((event) => {
    const ms = Date.parse(String(event.timestamp));
    return ms >= range.fromMs && ms < range.toMs && matchesSearch(search, event);
  });
}

export function naiveGroups(plan: Plan, events: readonly Event[], nowMs: number): NaiveGroup[] {
  const width = plan.bucket === undefined ? undefined : resolveBucketMs(plan.bucket, resolveRange(plan, nowMs));
  const groups = new Map<string, { keys: unknown[]; members: Event[] }>();
  if (plan.groupBy.length === 0 && width === undefined) groups.set('[]', { keys: [], members: [] });
  for (const event of naiveEvents(plan, events, nowMs)) {
    const keys = plan.groupBy.map((field) => event[field] ?? null);
    if (width !== undefined) {
      keys.unshift(new Date(Math.floor(Date.parse(String(event.timestamp)) / width) * width).toISOString());
    }
    const name = JSON.stringify(keys);
    const group = groups.get(name) ?? { keys, members: [] };
    group.members.push(event);
    groups.set(name, group);
  }
  return [...groups.values()].map(({ keys, members }) => {
    const aggregates: readonly Aggregate[] = plan.aggregates.length === 0 ? [{ fn: 'count' }] : plan.aggregates;
    return {
      keys,
      members,
      values: aggregates.map((aggregate) => naiveValue(aggregate, members)),
      isEstimated: aggregates.map((aggregate) =>
        members.some((event) => weight(event) > 1 && takesPart(aggregate, event)),
      ),
    };
  });
}

function naiveValue(aggregate: Aggregate, members: readonly Event[]): number | null {
  const pairs = members.flatMap((event) => {
    const value = event[aggregate.field ?? ''];
    return typeof value === 'number' ? [{ value, weight: weight(event) }] : [];
  });
  const whole = sum(pairs.map((pair) => pair.weight));
  switch (aggregate.fn) {
    case 'count':
      return sum(members.map(weight));
    case 'sum':
      return sum(pairs.map((pair) => pair.weight * pair.value));
    case 'avg':
      return whole === 0 ? null : sum(pairs.map((pair) => pair.weight * pair.value)) / whole;
    case 'min':
      return pairs.length === 0 ? null : Math.min(...pairs.map((pair) => pair.value));
    case 'max':
      return pairs.length === 0 ? null : Math.max(...pairs.map((pair) => pair.value));
    case 'distinct':
      return new Set(members.flatMap((event) => distinctKey(event[aggregate.field ?? '']) ?? [])).size;
    case 'error_rate': {
      const all = sum(members.map(weight));
      return all === 0 ? null : sum(members.filter(isFailure).map(weight)) / all;
    }
    case 'percentile': {
      const sorted = [...pairs].sort((a, b) => a.value - b.value);
      let upTo = 0;
      for (const pair of sorted) {
        upTo += pair.weight;
        if (upTo >= ((aggregate.p ?? 50) / 100) * whole * (1 - 1e-12)) return pair.value;
      }
      return null;
    }
  }
}

function takesPart(aggregate: Aggregate, event: Event): boolean {
  if (aggregate.fn === 'count' || aggregate.fn === 'error_rate') return true;
  const value = event[aggregate.field ?? ''];
  return aggregate.fn === 'distinct' ? distinctKey(value) !== undefined : typeof value === 'number';
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function distinctKey(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}

export function weight(event: Event): number {
  const rate = event['sampling.rate'];
  return typeof rate === 'number' ? 1 / rate : 1;
}

export function isFailure(event: Event): boolean {
  const { level, status } = event;
  return (
    level === 'error' ||
    level === 'fatal' ||
    typeof event['error.code'] === 'string' ||
    (typeof status === 'number' && status >= 500)
  );
}
