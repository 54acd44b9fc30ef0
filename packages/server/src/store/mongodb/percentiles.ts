/**
 * Weighted percentiles with their intervals, exactly as `estimate.ts` defines them. MongoDB's own `$percentile` knows no
 * weights and is approximate, so MongoDB only counts: for each group and value how many events there are, and with what
 * weight. These rows are streamed here, as many as there are different values, to a bound; the percentile, and the values
 * at which its interval ends, are then looked up in the sorted rows of each group.
 *
 * Events of one trace may lie on the same side of a percentile more often than chance has it. Only traces with several
 * sampled events bring that about, so only those are read, and only where an answer is estimated at all.
 */
import type { Measure } from '../../query/answer.ts';
import { asMeasure, percentileShares, type TotalStatistics } from '../../query/estimate.ts';
import { QueryError } from '../../query/query-error.ts';
import { type Aggregation, keysFrom } from './compile-aggregation.ts';
import type { Stage } from './compile-plan.ts';
import { groupName } from './group-name.ts';

type Row = Readonly<Record<string, unknown>>;
type Percentile = Aggregation['percentiles'][number];
export type StreamRows = (pipeline: readonly Stage[]) => AsyncIterable<Row>;

/** Rows that are held for one percentile: some 100 MB. */
const MAX_ROWS = 1_000_000;

/** What lies at one value of one group. */
interface Column {
  readonly values: number[];
  readonly weights: number[];
  readonly seen: number[];
  readonly unseen: number[];
  readonly spreads: number[];
  readonly sampled: number[];
  mostWeight: number;
}

/** A trace's values with their spreads √(w(w − 1)). */
interface Trace {
  readonly values: readonly number[];
  readonly spreads: readonly number[];
}

/** By the name of the group. A group without a value isn't there. */
export async function readPercentiles(
  stream: StreamRows,
  { events, keys }: Aggregation,
  percentile: Percentile,
  groups: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Measure>> {
  const columns = await readColumns(stream, events, keys, percentile, groups);
  const isSampled = [...columns.values()].some(({ mostWeight }) => mostWeight > 1);
  const traces = isSampled ? await readTraces(stream, events, keys, percentile, groups) : new Map();
  const answers = new Map<string, Measure>();
  for (const [name, column] of columns) {
    const measure = percentileOf(column, percentile.p, traces.get(name) ?? []);
    if (measure !== null) answers.set(name, measure);
  }
  return answers;
}

async function readColumns(
  stream: StreamRows,
  events: readonly Stage[],
  keys: readonly string[],
  { index, column }: Percentile,
  groups: ReadonlySet<string>,
): Promise<Map<string, Column>> {
  const pipeline = [
    ...events,
    { $match: { [`h${index}`]: 1 } },
    {
      $group: {
        _id: { ...keysFrom(keys, '$'), v: `$${column}` },
        weight: { $sum: '$w' },
        seen: { $sum: 1 },
        unseen: { $sum: '$u' },
        spread: { $sum: { $multiply: ['$s', '$s'] } },
        sampled: { $sum: '$k' },
        most: { $max: '$w' },
      },
    },
  ];
  const columns = new Map<string, Column>();
  let rows = 0;
  for await (const row of stream(pipeline)) {
    const id = idOf(row);
    const name = groupName(id, keys);
    if (!groups.has(name)) continue;
    rows += 1;
    if (rows > MAX_ROWS) throw tooManyValues();
    let held = columns.get(name);
    if (held === undefined) {
      held = { values: [], weights: [], seen: [], unseen: [], spreads: [], sampled: [], mostWeight: 1 };
      columns.set(name, held);
    }
    held.values.push(Number(id.v));
    held.weights.push(Number(row.weight));
    held.seen.push(Number(row.seen));
    held.unseen.push(Number(row.unseen));
    held.spreads.push(Number(row.spread));
    held.sampled.push(Number(row.sampled));
    held.mostWeight = Math.max(held.mostWeight, Number(row.most));
  }
  return columns;
}

async function readTraces(
  stream: StreamRows,
  events: readonly Stage[],
  keys: readonly string[],
  { index, column }: Percentile,
  groups: ReadonlySet<string>,
): Promise<Map<string, Trace[]>> {
  const pipeline = [
    ...events,
    { $match: { [`h${index}`]: 1, k: 1 } },
    {
      $group: {
        _id: { ...keysFrom(keys, '$'), c: '$c' },
        events: { $sum: 1 },
        values: { $push: `$${column}` },
        spreads: { $push: '$s' },
      },
    },
    { $match: { events: { $gt: 1 } } },
  ];
  const traces = new Map<string, Trace[]>();
  let points = 0;
  for await (const row of stream(pipeline)) {
    const name = groupName(idOf(row), keys);
    if (!groups.has(name)) continue;
    const trace = { values: numbersOf(row.values), spreads: numbersOf(row.spreads) };
    points += trace.values.length;
    if (points > MAX_ROWS) throw tooManyValues();
    const known = traces.get(name);
    if (known === undefined) traces.set(name, [trace]);
    else known.push(trace);
  }
  return traces;
}

function percentileOf(column: Column, p: number, traces: readonly Trace[]): Measure | null {
  const { values, weights, spreads, sampled, mostWeight } = column;
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const upTo: number[] = [];
  let reached = 0;
  for (const i of order) {
    reached += weights[i] ?? 0;
    upTo.push(reached);
  }
  const whole = reached;
  const firstFrom = (weight: number): number => lowerBound(upTo, (each) => each >= weight * (1 - 1e-12));
  const valueAt = (place: number): number => values[order[Math.min(place, order.length - 1)] ?? 0] ?? 0;
  const place = firstFrom(p * whole);
  if (place >= order.length) return null;
  const value = valueAt(place);
  if (!(mostWeight > 1)) return value;

  const factor = togetherness(column, value, p, traces);
  const sums = (of: readonly number[], isUpTo: boolean): number =>
    (isUpTo ? order.slice(0, place + 1) : order.slice(place + 1)).reduce((sum, i) => sum + (of[i] ?? 0), 0);
  const side = (isUpTo: boolean): TotalStatistics => ({
    seen: sums(column.seen, isUpTo),
    unseen: sums(column.unseen, isUpTo),
    variance: sums(spreads, isUpTo) * factor,
    largestUnseen: mostWeight - 1,
    largestVariance: mostWeight * (mostWeight - 1) * factor,
    sampled: sums(sampled, isUpTo),
  });
  const [low, high] = percentileShares(p, side(true), side(false));
  const lowPlace = firstFrom(low * whole);
  const highPlace = lowerBound(upTo, (each) => each > high * whole * (1 + 1e-12));
  return asMeasure({ value, low: valueAt(lowPlace), high: valueAt(highPlace) }, true);
}

/** How much more the side of a percentile varies than if events were kept one by one; at least 1. */
function togetherness({ values, spreads }: Column, value: number, p: number, traces: readonly Trace[]): number {
  const offset = (each: number): number => (each <= value ? 1 : 0) - p;
  let apart = 0;
  for (let i = 0; i < values.length; i += 1) apart += (spreads[i] ?? 0) * offset(values[i] ?? 0) ** 2;
  let together = apart;
  for (const trace of traces) {
    let sum = 0;
    trace.values.forEach((each, i) => {
      const part = (trace.spreads[i] ?? 0) * offset(each);
      sum += part;
      together -= part * part;
    });
    together += sum * sum;
  }
  return apart > 0 ? Math.max(1, together / apart) : 1;
}

/** The first place for which it holds, where it holds for all after that; the length where it holds for none. */
function lowerBound(values: readonly number[], holds: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(values[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function idOf(row: Row): Row {
  return typeof row._id === 'object' && row._id !== null ? { ...row._id } : {};
}

function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function tooManyValues(): QueryError {
  const hint = 'take a shorter range, or a narrower search';
  return new QueryError('QUERY_TOO_LARGE', `a percentile of more than ${MAX_ROWS} different values`, undefined, hint);
}
