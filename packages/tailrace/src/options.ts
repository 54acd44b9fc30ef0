import type { RouteOptions } from './delivery/types.ts';
import type { Level } from './event.ts';
import type { FsyncPolicy } from './spool/types.ts';

/** Options of `createTailrace`. Everything has a default; environment variables stand in for what is left out. */
export interface TailraceOptions {
  /** Name of the service. @defaultValue `SERVICE_NAME`, else the name in `package.json`, else `unknown_service` */
  readonly service?: string;
  readonly version?: string;
  /** @defaultValue `NODE_ENV`, else `development` */
  readonly environment?: string;
  /** Folder of all Tailrace data of this host. @defaultValue `TAILRACE_DATA_DIR`, else `./tailrace-data` */
  readonly dataDir?: string;
  readonly sampling?: SamplingOptions;
  /** `false` must be said to switch redaction off; it never happens by mistake. */
  readonly redaction?: RedactionOptions | false;
  readonly limits?: Partial<EventLimits>;
  /** `memory` where there is no disk: delivery runs inline, and `flush()` ends it. */
  readonly spool?: SpoolSettings | 'memory';
  /**
   * Where events go. @defaultValue one route, made from the environment: to `STORAGE_TYPE`, with the broker of `MQ_TYPE`
   * before it where `MQ_ENABLED` is true; without these, to the server at `TAILRACE_URL`, else to the console
   */
  readonly routes?: readonly RouteOptions[];
  /**
   * Where each change of a fallback is posted, as `{ "text": … }` (the form of Slack). A secret.
   *
   * @defaultValue `TAILRACE_ALERT_WEBHOOK_URL`, or the content of the file `TAILRACE_ALERT_WEBHOOK_URL_FILE`; else nowhere
   */
  readonly alertWebhookUrl?: string;
  /** Stack traces in events. @defaultValue false when `environment` is `production`, else true */
  readonly includeStack?: boolean;
  /** Lines below this level are not written; per topic with `log.setLevel`. @defaultValue `LOG_LEVEL`, else `info` */
  readonly level?: Level;
  /** Deliver and flush at SIGTERM, SIGINT, `beforeExit`, uncaught exceptions. @defaultValue true */
  readonly handleExit?: boolean;
  /**
   * Told once of each thing that went wrong inside Tailrace or in how it is called: a full disk, a `set` after the end.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly onNotice?: (notice: Notice) => void;
}

/** Something that an operator or a developer should know, told once. */
export interface Notice {
  /** Stable, for filters: `spool_unwritable`, `spool_full`, `set_after_end`, … */
  readonly code: string;
  readonly message: string;
}

export interface SpoolSettings {
  readonly maxBytes?: number;
  readonly reserveBytes?: number;
  readonly segmentBytes?: number;
  readonly fsync?: FsyncPolicy;
  readonly memoryBytes?: number;
}

export interface SamplingOptions {
  /** Share of normal events to keep, in [0, 1]. @defaultValue `LOG_SAMPLING_NORMAL_RATE`, else 0.01 */
  readonly normalRate?: number;
  /** Slower than this is kept. Milliseconds. @defaultValue `LOG_SLOW_THRESHOLD_MS`, else 2000 */
  readonly slowThresholdMs?: number;
  /**
   * Route templates and globs, with or without a method: `/payments`, `POST /payments/**`.
   *
   * @defaultValue `LOG_CRITICAL_ROUTES` (separated by commas), else none
   */
  readonly criticalRoutes?: readonly string[];
  /** The user's own rules, tried in order after the three above and before `SAMPLED_NORMAL`. */
  readonly rules?: readonly SamplingRule[];
  /**
   * Share of the log lines outside every scope to keep, in [0, 1]. They tell of starts, ends and timers rather than of
   * traffic, and no event stands for them. A line inside a scope shares the rate and the fate of the scope.
   *
   * @defaultValue 1
   */
  readonly lineRate?: number;
  /**
   * Keep what the caller's sampler kept, as told by `ot=th:…` in its tracestate, where its rate is higher. Only for
   * callers that are trusted with the volume of this service's events.
   *
   * @defaultValue false
   */
  readonly followCaller?: boolean;
}

/** A rule of the user's. All conditions that are given must hold. */
export interface SamplingRule {
  readonly name: string;
  /** Share of matching events to keep, in [0, 1]. */
  readonly rate: number;
  /** Written at once, and the spool's reserve is for it, as for errors. @defaultValue false */
  readonly urgent?: boolean;
  readonly level?: Level;
  /** A topic and those below it: `dsp` matches `dsp` and `dsp.filter`. */
  readonly topic?: string;
  /** A route template or glob, with or without a method. */
  readonly route?: string;
  readonly service?: string;
  /** Any condition on the event's fields; a predicate that throws doesn't match, and is counted. */
  readonly when?: (event: Readonly<Record<string, unknown>>) => boolean;
}

export type RedactionAction = 'mask' | 'remove' | 'replace' | 'hash';

export interface RedactionOptions {
  /** More key names, beside the default ones; case and separators don't matter. */
  readonly keys?: readonly string[];
  /** Paths with wildcards at any depth: `user.*.phone`, `**.secret`, `items[*].card`. */
  readonly paths?: readonly string[];
  /** More patterns to find in strings. They must not backtrack: a pattern that could is refused at the start. */
  readonly patterns?: readonly { readonly kind: string; readonly pattern: RegExp; readonly action?: RedactionAction }[];
  /** What to do with what a key or a path names. @defaultValue `replace` */
  readonly action?: RedactionAction;
  /** What to do with what the built-in searches find in strings (e-mail addresses, cards, tokens, …). @defaultValue `mask` */
  readonly valueAction?: RedactionAction;
  /** Paths that are left alone though their name is sensitive; their values are still searched. */
  readonly keep?: readonly string[];
  /** Key for `hash` (HMAC-SHA-256): equal values then still join. */
  readonly hashKey?: string;
}

/** Bounds on one event. What is cut says so in the event. */
export interface EventLimits {
  /** @defaultValue 8 */
  readonly depth: number;
  /** Keys of one event. @defaultValue 512 */
  readonly keys: number;
  /** Items of one array. @defaultValue 256 */
  readonly items: number;
  /** Characters of one string. @defaultValue 16384 */
  readonly stringLength: number;
  /** Bytes of one event. @defaultValue 262144 */
  readonly eventBytes: number;
}
