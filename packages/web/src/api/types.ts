/**
 * What the server answers. Copied from `packages/server/src/query/answer.ts`, `…/query/plan.ts`, `…/store/store.ts` and
 * `…/api/`: nothing of the server goes into the browser, not even by accident.
 */

export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A number where exact, an estimate at 95 % where anything that it was counted from was sampled. */
export type Measure = number | Estimate;

export interface AnswerMeta {
  readonly accuracy: 'exact' | 'estimated';
  readonly limited: boolean;
  readonly from: string;
  readonly to: string;
  readonly bucketMs?: number;
  readonly scanned: { readonly segments: number; readonly hotEvents: number };
  readonly elapsedMs: number;
  readonly warnings: readonly string[];
}

/** An event as it is stored: flat, dotted keys. */
export type EventRecord = Readonly<Record<string, unknown>>;

/** `GET /v1/events` */
export interface EventsPage {
  readonly events: readonly EventRecord[];
  readonly cursor: string | null;
  readonly meta: AnswerMeta;
}

/** `GET /v1/events/:id` */
export interface EventWithNeighbours {
  readonly event: EventRecord;
  readonly neighbours: readonly EventRecord[];
}

/** `GET /v1/histogram` */
export interface Histogram {
  readonly bucketMs: number;
  readonly buckets: readonly HistogramBucket[];
  readonly meta: AnswerMeta;
}

export interface HistogramBucket {
  /** Start of the bucket, RFC 3339. */
  readonly at: string;
  readonly normal: Measure;
  readonly slow: Measure;
  readonly error: Measure;
}

/** `GET /v1/facets` */
export interface Facets {
  readonly facets: readonly Facet[];
  readonly meta: AnswerMeta;
}

export interface Facet {
  readonly field: string;
  readonly values: readonly FacetValue[];
  /** True where there are more values than these. */
  readonly limited?: boolean;
}

export interface FacetValue {
  readonly value: string | number | boolean;
  readonly count: Measure;
}

/** `GET /v1/fields` */
export interface FieldInfo {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'timestamp' | 'json';
  readonly presence: number;
}

/** `POST /v1/query` */
export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly EventRecord[];
  readonly meta: AnswerMeta;
}

export interface Plan {
  readonly from: string;
  readonly to: string;
  readonly where: string;
  readonly aggregates: readonly {
    readonly fn: string;
    readonly field?: string;
    readonly p?: number;
    readonly as?: string;
  }[];
}

/** Closed intervals of sequence numbers, ascending. */
export type Intervals = readonly (readonly [from: number, to: number])[];

/** `GET /v1/ledger` (`packages/server/src/writer/ledger-report.ts`) */
export interface Ledger {
  readonly producers: readonly ProducerAccount[];
  readonly totals: LedgerTotals;
  /** Producers of long ago: in the totals, not in the list. */
  readonly folded?: { readonly producers: number; readonly forgotten: number };
}

/** `emitted = kept + sampledOut`, and `kept = stored + inFlight + dead + dropped + missing`. */
export interface LedgerTotals {
  readonly emitted: number;
  readonly kept: number;
  readonly keptByRule: Readonly<Record<string, number>>;
  readonly sampledOut: number;
  readonly sampledOutByRule: Readonly<Record<string, number>>;
  readonly stored: number;
  readonly inFlight: number;
  readonly dropped: number;
  readonly droppedByReason: Readonly<Record<string, number>>;
  readonly dead: number;
  readonly deadByRoute: Readonly<Record<string, number>>;
  readonly missing: number;
  readonly duplicates: number;
}

export interface ProducerAccount extends LedgerTotals {
  readonly producer: string;
  readonly service: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly started: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly closed: boolean;
  /** True where the producer has sent its own account; without one only its events are known. */
  readonly reported: boolean;
  readonly missingIntervals: Intervals;
}

/** `GET /healthz` */
export interface Health {
  readonly status: 'ok' | 'degraded';
  readonly faults: readonly string[];
  readonly queueDepthBytes: number;
  readonly queueAgeSeconds: number;
  /** Where a broker is the queue: the stage at which this server's way in is. */
  readonly fallback?: FallbackStatus;
}

export interface FallbackStatus {
  /** `queue`, `database`, `file`, or `refused`. */
  readonly stage: string;
  /** What stands there: `kafka`, `mongodb`, `spool`, … */
  readonly name: string;
  /** RFC 3339. */
  readonly since: string;
  readonly waitingBytes: number;
}

/** `GET /v1/dead` (`packages/server/src/api/dead-routes.ts`) */
export interface DeadPage {
  readonly dead: readonly DeadLetter[];
  readonly cursor: string | null;
  /** Letters that match the filter. */
  readonly matching: number;
  /** Of those that match, the most frequent first. */
  readonly causes: readonly DeadCause[];
  /** Where they are kept: `file`, `redis`, `kafka`, `mongodb`. */
  readonly place: string;
  readonly count: number;
  readonly bytes: number;
  /** 1 at the first of their bounds. */
  readonly fill: number;
  readonly discarded: number;
  /** Letters in files of the server that wait for the place. */
  readonly waiting: number;
  readonly failure: string | null;
}

export interface DeadCause {
  readonly cause: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** `packages/server/src/dead/letter-json.ts` */
export interface DeadLetter {
  readonly id: string;
  readonly sink: string;
  readonly reason: string;
  readonly source: string;
  readonly route?: string;
  readonly service?: string;
  readonly at: string;
  readonly lastAt: string;
  readonly attempts: number;
  readonly rounds: number;
  readonly truncated: boolean;
  readonly edited?: { readonly at: string; readonly by: string };
  readonly line?: string;
  /** In place of `line`, in base 64, where it is no text. */
  readonly bytes?: string;
}

export interface DeadFilter {
  readonly cause?: string;
  readonly text?: string;
}

/** Which letters a replay or a purge is about. */
export type DeadChoice = { readonly ids: readonly string[] } | { readonly filter: DeadFilter } | { readonly all: true };

interface DeadSkipped {
  readonly truncated: number;
  readonly rounds: number;
}

/** `POST /v1/dead/replay` with `dryRun` (`packages/server/src/dead/dry-run.ts`) */
export interface DryRun {
  readonly matched: number;
  readonly skipped: DeadSkipped;
  readonly wouldPass: number;
  readonly wouldBeRefused: number;
}

/** `POST /v1/dead/replay` (`packages/server/src/dead/replay.ts`) */
export interface ReplayOutcome {
  readonly matched: number;
  readonly replayed: number;
  readonly refused: number;
  readonly skipped: DeadSkipped;
  readonly left: number;
  readonly stopped: string | null;
}
