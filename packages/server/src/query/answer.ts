/** What a store answers to a plan. */

/** A value estimated from sampled events, with its 95 % confidence interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /**
   * For min, max and distinct, which sampling can only miss: the truth is at least (`lower`) or at most (`upper`) the
   * value. `low` and `high` are then what is known, not a 95 % interval.
   */
  readonly bound?: 'lower' | 'upper';
}

/** A number where exact, an estimate where anything that it was counted from was sampled. */
export type Measure = number | Estimate;

export interface Column {
  readonly name: string;
  /** `measure` holds {@link Measure}s; `json` whatever an event held there. */
  readonly type: 'string' | 'number' | 'boolean' | 'timestamp' | 'json' | 'measure';
}

export interface AnswerMeta {
  /** `estimated` where at least one value is an {@link Estimate}. */
  readonly accuracy: 'exact' | 'estimated';
  /** True where there were more rows than the limit let through. */
  readonly limited: boolean;
  /** The range that was looked at, RFC 3339. */
  readonly from: string;
  readonly to: string;
  /** Width of a bucket in milliseconds, where the plan asked for buckets. */
  readonly bucketMs?: number;
  readonly scanned: {
    /** Parquet segments whose time range touches the plan's, and the events in the hot tail. */
    readonly segments: number;
    readonly hotEvents: number;
  };
  readonly elapsedMs: number;
  /** What a reader must know: unknown fields with near names, segments set aside, … */
  readonly warnings: readonly string[];
}

/** Rows are objects keyed by the columns' names; an event has only the keys that it had. */
export interface Answer {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly meta: AnswerMeta;
}
