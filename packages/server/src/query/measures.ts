/** The sums of each group of an aggregation, whichever database worked them out, as the measures of an answer. */
import type { Column, Measure } from './answer.ts';
import type { Aggregation } from './compile-aggregation.ts';
import { groupColumnType } from './compile-aggregation.ts';
import {
  boundDistinct,
  boundExtreme,
  estimateCount,
  estimateRatio,
  estimateShare,
  estimateSignedTotal,
  estimateTotal,
  type TotalStatistics,
} from './estimate.ts';
import type { Aggregate, Plan } from './plan.ts';
import { knownFieldType } from './search-node.ts';

type Row = Readonly<Record<string, unknown>>;

export interface AggregationAnswer {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly limited: boolean;
  readonly isEstimated: boolean;
  /** What a reader must know of the rows themselves. */
  readonly warnings: readonly string[];
}

/** What was found: a row of sums for each group, named as `compile-aggregation.ts` names them. */
export interface FoundGroups {
  readonly groups: readonly Row[];
  /** True where there were more groups than the limit. */
  readonly limited: boolean;
  /** By the aggregate's number, then by group. */
  readonly percentiles: ReadonlyMap<number, readonly (Measure | null)[]>;
}

export function answerOf(
  aggregation: Pick<Aggregation, 'aggregates' | 'names' | 'keys'>,
  plan: Plan,
  { groups, limited, percentiles }: FoundGroups,
): AggregationAnswer {
  const { keys } = aggregation;
  let isEstimated = false;
  const rows = groups.map((group, place) => {
    const row: Record<string, unknown> = {};
    const set = (name: string, value: unknown): void => {
      Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
    };
    if (keys.includes('b')) set('bucket', new Date(numberAt(group, 'b')).toISOString());
    plan.groupBy.forEach((field, i) => {
      set(field, groupValue(field, group[`g${i}`]));
    });
    aggregation.aggregates.forEach((aggregate, i) => {
      const estimated = aggregate.fn === 'percentile' ? percentiles.get(i)?.[place] : measure(aggregate, i, group);
      const value = finite(estimated ?? null);
      if (typeof value === 'object' && value !== null) isEstimated = true;
      set(aggregation.names[i] ?? aggregate.fn, value);
    });
    return row;
  });
  return { columns: columnsOf(aggregation, plan), rows, limited, isEstimated, warnings: hiddenTraffic(plan, groups) };
}

/** Groups by these hold either sampled events or others by their nature. */
const SPLITS_BY_OUTCOME = /^(?:level|status|error\.|sampling\.)/;

/** Groups that show only events that were kept anyway, beside groups that show sampled ones. */
function hiddenTraffic(plan: Plan, groups: readonly Row[]): readonly string[] {
  const complete = groups.filter((group) => numberAt(group, 'sampled') === 0).length;
  if (complete === 0 || complete === groups.length) return [];
  if (plan.groupBy.some((field) => SPLITS_BY_OUTCOME.test(field))) return [];
  return [
    `${complete} of ${groups.length} groups show only events that are always kept (errors, slow requests, critical routes). ` +
      'If they had normal traffic, all of it was sampled away, and their numbers leave it out.',
  ];
}

function columnsOf(aggregation: Pick<Aggregation, 'names' | 'keys'>, plan: Plan): Column[] {
  return [
    ...(aggregation.keys.includes('b') ? [{ name: 'bucket', type: 'timestamp' } as const] : []),
    ...plan.groupBy.map((field) => ({ name: field, type: groupColumnType(field) })),
    ...aggregation.names.map((name) => ({ name, type: 'measure' }) as const),
  ];
}

function measure(aggregate: Aggregate, i: number, group: Row): Measure | null {
  const at = (name: string): number => numberAt(group, `a${i}_${name}`);
  switch (aggregate.fn) {
    case 'count':
      return estimateCount(totalAt(group, `a${i}`));
    case 'sum': {
      const total = totalAt(group, `a${i}`);
      return at('min') < 0 ? estimateSignedTotal(total, at('clusters')) : estimateTotal(total);
    }
    case 'avg':
      return estimateRatio({
        total: at('total'),
        weight: at('weight'),
        sampledTotal: at('sampled_total'),
        sampledWeight: at('sampled_weight'),
        aa: at('aa'),
        ab: at('ab'),
        bb: at('bb'),
        sampled: at('sampled'),
        clusters: at('clusters'),
        isPositive: at('min') >= 0,
      });
    case 'error_rate':
      return estimateShare(totalAt(group, `a${i}`), totalAt(group, `s${i}`));
    case 'min':
    case 'max':
      return typeof group[`a${i}_value`] === 'number' ? boundExtreme(at('value'), aggregate.fn, at('sampled')) : null;
    case 'distinct':
      return boundDistinct(at('distinct'), totalAt(group, `a${i}`));
    case 'percentile':
      return null;
  }
}

/** Sums of huge values overflow; JSON has no infinity. */
function finite(measure: Measure | null): Measure | null {
  if (measure === null || typeof measure === 'number') return Number.isFinite(measure) ? measure : null;
  if (!Number.isFinite(measure.value)) return null;
  const low = Number.isFinite(measure.low) ? measure.low : -Number.MAX_VALUE;
  const high = Number.isFinite(measure.high) ? measure.high : Number.MAX_VALUE;
  return { ...measure, low, high };
}

function totalAt(group: Row, name: string): TotalStatistics {
  return {
    seen: numberAt(group, `${name}_seen`),
    unseen: numberAt(group, `${name}_unseen`),
    variance: numberAt(group, `${name}_variance`),
    largestUnseen: numberAt(group, `${name}_largest_unseen`),
    largestVariance: numberAt(group, `${name}_largest_variance`),
    sampled: numberAt(group, `${name}_sampled`),
  };
}

function groupValue(field: string, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const type = knownFieldType(field);
  return (type === undefined || type === 'json') && typeof value === 'string' ? JSON.parse(value) : value;
}

/** A column that holds a number; 0 where it is NULL. */
export function numberAt(row: Row, name: string): number {
  const value = row[name];
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : 0;
}
