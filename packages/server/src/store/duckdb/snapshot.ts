/** What one query sees: the hot tables and segments of one moment, kept from removal until it is released. */
import { join } from 'node:path';
import { quoteText } from '../../query/compile-search.ts';
import type { TimeRange } from '../../query/time.ts';
import { ALL_COLUMNS } from './columns.ts';
import type { HotTable } from './hot-table.ts';
import type { Segment } from './manifest.ts';
import type { Readers } from './readers.ts';

export interface LiveSegment {
  readonly segment: Segment;
  readonly readers: Readers;
}

export class Snapshot {
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
  const parts = hot.map(({ name }) => `SELECT ${ALL_COLUMNS} FROM ${name}`);
  if (segments.length > 0) {
    const files = segments.map(({ segment }) => quoteText(join(directory, segment.path)));
    parts.push(`SELECT ${ALL_COLUMNS} FROM read_parquet([${files.join(', ')}], hive_partitioning = false)`);
  }
  return `(${parts.join(' UNION ALL ')})`;
}
