/** What one query sees: the hot tables and segments of one moment, kept from removal until it is released. */
import { join } from 'node:path';
import { type AttributeKind, NO_COLUMNS } from '../../query/attribute-sql.ts';
import type { SourcePart } from '../../query/compile-plan.ts';
import type { SearchNode } from '../../query/search-node.ts';
import { quoteText } from '../../query/sql-text.ts';
import type { TimeRange } from '../../query/time.ts';
import { ALL_COLUMNS } from './columns.ts';
import type { HotTable } from './hot-table.ts';
import { MIXED_FOLDER, type Segment } from './manifest.ts';
import type { Readers } from './readers.ts';

export interface LiveSegment {
  readonly segment: Segment;
  readonly readers: Readers;
  /** What is left of a query's search for this segment; all of it where there is none. */
  readonly search?: SearchNode;
}

/** What a plan is run over. */
export interface View {
  readonly hot: readonly HotTable[];
  /** Newest last event first. */
  readonly segments: readonly LiveSegment[];
  /** True where at least one event in reach was sampled. */
  readonly isSampled: boolean;
}

export class Snapshot implements View {
  readonly hot: readonly HotTable[];
  /** Newest last event first. */
  readonly segments: readonly LiveSegment[];
  #released = false;

  constructor(hot: readonly HotTable[], segments: readonly LiveSegment[]) {
    this.hot = hot;
    this.segments = [...segments].sort((a, b) => b.segment.maxMs - a.segment.maxMs);
    for (const { readers } of [...this.hot, ...this.segments]) readers.enter();
  }

  get hotEvents(): number {
    return this.hot.reduce((sum, table) => sum + table.events, 0);
  }

  /** True where at least one event in reach was sampled. */
  get isSampled(): boolean {
    return this.hot.some((table) => table.sampled > 0) || this.segments.some(({ segment }) => segment.sampled > 0);
  }

  /** The same with some of its segments; it is kept from removal by this one. */
  with(segments: readonly LiveSegment[]): View {
    return { hot: this.hot, segments, isSampled: this.isSampled };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    for (const { readers } of [...this.hot, ...this.segments]) readers.leave();
  }
}

export function touches(segment: Pick<Segment, 'minMs' | 'maxMs'>, range: TimeRange): boolean {
  return segment.maxMs >= range.fromMs && segment.minMs < range.toMs;
}

/** A table expression over hot tables and segments; there must be at least one. */
export function sourceSql(directory: string, hot: readonly HotTable[], segments: readonly LiveSegment[]): string {
  const parts = filledOf(hot, segments).map(({ name }) => `SELECT ${ALL_COLUMNS} FROM ${name}`);
  if (segments.length > 0) {
    parts.push(`SELECT ${ALL_COLUMNS} FROM ${filesSql(directory, segments)}`);
  }
  return `(${parts.join(' UNION ALL ')})`;
}

/** The tables that hold events, or all of them where there is nothing else to select from. */
function filledOf(hot: readonly HotTable[], segments: readonly LiveSegment[]): readonly HotTable[] {
  const filled = hot.filter(({ events }) => events > 0);
  return filled.length + segments.length > 0 ? filled : hot;
}

/** True where every event of a segment lies in a range. Mixed segments may hold events without a time. */
function isWithin({ path, minMs, maxMs }: Segment, range: TimeRange): boolean {
  return minMs >= range.fromMs && maxMs < range.toMs && !path.startsWith(MIXED_FOLDER);
}

/** With more different sets of columns than this, a query reads all of its attributes from their JSON. */
const MAX_PARTS = 12;

/** What a query reads, in parts: segments in which it looks for the same in the same columns, and that lie in its range alike. */
export function sourceParts(
  directory: string,
  hot: readonly HotTable[],
  segments: readonly LiveSegment[],
  attributes: readonly string[],
  range: TimeRange,
): readonly SourcePart[] {
  const groups = new Map<
    string,
    {
      columns: Map<string, AttributeKind>;
      segments: LiveSegment[];
      isInRange: boolean;
      search: SearchNode | undefined;
    }
  >();
  for (const live of segments) {
    const { promoted = {} } = live.segment;
    const columns = attributes.flatMap((name) => {
      const kind = Object.hasOwn(promoted, name) ? promoted[name] : undefined;
      return kind === undefined ? [] : [[name, kind] as const];
    });
    const isInRange = isWithin(live.segment, range);
    const { search } = live;
    const key = JSON.stringify([isInRange, columns, search]);
    const group = groups.get(key) ?? { columns: new Map(columns), segments: [], isInRange, search };
    group.segments.push(live);
    groups.set(key, group);
  }
  const plainKey = JSON.stringify([false, [], undefined]);
  const plain = groups.get(plainKey)?.segments ?? [];
  groups.delete(plainKey);
  if (groups.size >= MAX_PARTS) return [{ table: sourceSql(directory, hot, segments), columns: NO_COLUMNS }];
  const parts: SourcePart[] = [...groups.values()].map((group) => ({
    table: filesSql(directory, group.segments),
    columns: group.columns,
    isInRange: group.isInRange,
    search: group.search,
  }));
  const filled = filledOf(hot, segments);
  if (filled.length + plain.length > 0) parts.push({ table: sourceSql(directory, filled, plain), columns: NO_COLUMNS });
  return parts;
}

/** The files of segments. Only columns that all of them have can be selected, unless the options say `union_by_name`. */
export function filesSql(directory: string, segments: readonly LiveSegment[], options = ''): string {
  const files = segments.map(({ segment }) => quoteText(join(directory, segment.path)));
  return `read_parquet([${files.join(', ')}], hive_partitioning = false${options})`;
}
