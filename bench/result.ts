/** What a case found: a value of ours, next to each peer's, and their ratio. Smaller is better, always. */
import type { Spread } from './statistics.ts';

export interface Comparison {
  readonly peer: string;
  readonly theirs: Spread;
  /** Ours divided by theirs, round by round. */
  readonly ratio: Spread;
  /** The ratio that we want to be at, at most. */
  readonly aim?: number;
}

export interface CaseResult {
  /** As in the table of the README: `P1`. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** What of ours was measured. */
  readonly name: string;
  readonly ours: Spread;
  readonly comparisons: readonly Comparison[];
  readonly notes?: readonly string[];
  /** True for what stands behind another row: told in the terminal and in the README of the benches, not in the chart. */
  readonly isDetail?: boolean;
}
