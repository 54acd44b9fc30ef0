/**
 * Tailrace for applications: scopes that become wide events, a logger, a sampling policy that keeps what matters, and a
 * spool on disk that loses none of it.
 */

export { TailraceConfigError } from './configuration/resolve-options.ts';
export type { Batch, CreateSink, Sink, SinkContext, SinkOutcome } from './delivery/sink.ts';
export type { RouteOptions, RouteStats, SinkSpec } from './delivery/types.ts';
export { EVENT_SCHEMA, LEVELS, type Level, type StepRecord, type TailraceEvent } from './event.ts';
export type { LedgerLine } from './ledger/index.ts';
export type { LogContext, Logger, LogMethod } from './logger/logger.ts';
export type { TailraceStats } from './metrics/stats.ts';
export type {
  EventLimits,
  Notice,
  RedactionAction,
  RedactionOptions,
  SamplingOptions,
  SamplingRule,
  SpoolSettings,
  TailraceOptions,
} from './options.ts';
export { type Decision, type Explanation, KEPT_HEADER } from './sampling/index.ts';
export type { Scope, ScopeFields, StepOptions } from './scope/scope.ts';
export * from './sinks/index.ts';
export type { FsyncPolicy, SpoolStats } from './spool/types.ts';
export { createTailrace, type Tailrace } from './tailrace.ts';
