import type { Level } from '../event.ts';
import { isLevel, LEVEL_RANK, LineCounts } from '../logger/levels.ts';
import type { Decision } from '../sampling/decision.ts';
import { formatKeepSignal } from '../sampling/keep-signal.ts';
import type { Neighbour, SamplingHint, Subject } from '../sampling/policy.ts';
import type { Randomness } from '../sampling/threshold.ts';
import { createSpanId } from '../sampling/trace-context.ts';
import { mergeFields, newRecord } from './merge-fields.ts';
import { redactKeys } from './redact-keys.ts';
import type { Frame, Scope, ScopeHost, ScopeIdentity, StepOptions } from './scope.ts';
import { settle } from './settle.ts';
import { roundMs, Steps } from './steps.ts';

/** How far up the causes of an error a failed step's error is looked for. */
const MAX_CAUSES = 8;

export class OpenScope implements Scope, Subject, Frame {
  readonly kind = 'scope';
  readonly scope: OpenScope;
  readonly identity: ScopeIdentity;
  neighbour: Neighbour | undefined;
  rateHint: SamplingHint | undefined;
  /** A decision that was already told to the caller, and has to stand. */
  promised: Decision | undefined;
  isEnded = false;
  /** Where {@link OpenScopes} has it. */
  place: number | undefined;

  readonly #host: ScopeHost;
  readonly #fields: Record<string, unknown>;
  #spanId: string | undefined;
  /** Service and route as the record has them: each line asks for both. Read again when the record has changed. */
  #isNamed = false;
  #service = '';
  #route: string | undefined;
  readonly #startedMs: number;
  #endedMs: number | undefined;
  #steps: Steps | undefined;
  #lines: LineCounts | undefined;
  #errors = 0;
  #lastError: unknown;
  #errorFields: Record<string, unknown> | undefined;
  #errorService: string | undefined;
  #failure: { readonly error: unknown; readonly service: string } | undefined;
  #lastStepFailed = false;
  #redactedKeys: readonly string[] | undefined;

  constructor(host: ScopeHost, identity: ScopeIdentity, fields: object) {
    this.scope = this;
    this.#host = host;
    this.#startedMs = performance.now();
    this.identity = identity;
    this.neighbour = identity.neighbour;
    const record = newRecord(host.base);
    mergeFields(record, fields);
    // They name the trace, and are told as `trace_id` and `parent_span_id`.
    if (record.traceparent !== undefined) record.traceparent = undefined;
    if (record.tracestate !== undefined) record.tracestate = undefined;
    record.service = identity.service;
    setOrClear(record, 'request_id', identity.requestId);
    record.trace_id = identity.traceId;
    setOrClear(record, 'span_id', identity.spanId);
    setOrClear(record, 'parent_span_id', identity.parentSpanId);
    this.#fields = record;
  }

  get traceId(): string {
    return this.identity.traceId;
  }

  /** Drawn when it is first asked for: most scopes aren't kept, and call nobody. */
  get spanId(): string {
    this.#spanId ??= this.identity.spanId ?? createSpanId();
    return this.#spanId;
  }

  /** The record of the event in the making. */
  get fields(): Record<string, unknown> {
    const fields = this.#fields;
    if (fields.span_id === undefined) fields.span_id = this.spanId;
    return fields;
  }

  get requestId(): string | undefined {
    return textOf(this.#fields.request_id);
  }

  get randomness(): Randomness {
    return this.identity.randomness;
  }

  /** The scope's own service: the one that work outside of every step is in. */
  get service(): string {
    if (!this.#isNamed) this.#readNames();
    return this.#service;
  }

  get topic(): string | undefined {
    return textOf(this.#fields.topic);
  }

  /** Where no framework told the template, patterns are compared with the path. */
  get route(): string | undefined {
    if (!this.#isNamed) this.#readNames();
    return this.#route;
  }

  get routeTemplate(): string | undefined {
    return textOf(this.#fields.route);
  }

  get method(): string | undefined {
    return textOf(this.#fields.method);
  }

  get status(): number | undefined {
    const { status } = this.#fields;
    return typeof status === 'number' ? status : undefined;
  }

  get durationMs(): number {
    return (this.#endedMs ?? performance.now()) - this.#startedMs;
  }

  get hasError(): boolean {
    const fields = this.#fields;
    if (this.#errors > 0 || isGiven(fields.error)) return true;
    for (const key of ERROR_KEYS) if (isGiven(fields[key])) return true;
    return false;
  }

  /** The level that was set, raised to what the lines, the status and the errors say. */
  get level(): Level {
    const { level } = this.#fields;
    let highest: Level = isLevel(level) ? level : 'info';
    const lines = this.#lines?.highest;
    if (lines !== undefined && LEVEL_RANK[lines] > LEVEL_RANK[highest]) highest = lines;
    if (LEVEL_RANK[highest] >= LEVEL_RANK.error) return highest;
    const status = this.status ?? 0;
    if (status >= 500 || this.hasError) return 'error';
    return status >= 400 ? 'warn' : highest;
  }

  set(fields: Readonly<Record<string, unknown>>): void {
    if (this.isEnded) this.#host.misuse('set_after_end');
    else this.#merge(fields);
  }

  error(error: unknown, fields?: Readonly<Record<string, unknown>>): void {
    if (this.isEnded) {
      this.#host.misuse('error_after_end');
      return;
    }
    // The same error on its way up through several hands is one error.
    if (this.#errors === 0 || this.#lastError !== error) {
      this.#errors += 1;
      this.#lastError = error;
      this.#errorFields = this.#host.describeError(error);
      this.#errorService = this.#serviceOf(error);
    }
    if (fields !== undefined) this.#merge(fields);
  }

  refuse(error: unknown): void {
    if (this.isEnded || this.#errors > 0) return;
    if (this.#failure !== undefined && isAmongCauses(error, this.#failure.error)) this.error(error);
    else this.#errorFields = this.#host.describeError(error);
  }

  count(name: string, by = 1): void {
    if (this.isEnded) {
      this.#host.misuse('count_after_end');
      return;
    }
    const before = this.#fields[name];
    this.#merge({ [name]: (typeof before === 'number' ? before : 0) + by });
  }

  hint(rate: number): void {
    if (this.isEnded) {
      this.#host.misuse('hint_after_end');
      return;
    }
    const bounded = Math.min(Math.max(Number.isNaN(rate) ? 1 : rate, 0), 1);
    this.rateHint = { rule: bounded === 0 ? 'NO_LOG' : 'SAMPLING_HINT', rate: bounded };
  }

  redact(keys: readonly string[]): void {
    this.#redactedKeys = [...(this.#redactedKeys ?? []), ...keys];
  }

  keepSignal(): string | undefined {
    if (!this.isEnded && this.promised === undefined) {
      const decision = this.#host.decide(this);
      if (decision.keep && decision.rule !== 'SAMPLED_NORMAL') this.promised = decision;
    }
    return this.promised === undefined ? undefined : formatKeepSignal(this.promised);
  }

  run<T>(fn: () => T): T {
    return this.#host.storage.run(this, fn);
  }

  step<T>(name: string, fn: () => T): T;
  step<T>(name: string, options: StepOptions, fn: () => T): T;
  step<T>(name: string, optionsOrFn: StepOptions | (() => T), maybeFn?: () => T): T {
    const [options, fn] = stepArguments(optionsOrFn, maybeFn);
    if (this.isEnded) {
      this.#host.misuse('step_after_end');
      return fn();
    }
    const service = options.service ?? this.currentService;
    this.#steps ??= new Steps();
    const step = this.#steps.begin(name, service, performance.now());
    const succeed = (): void => {
      step.durationMs = performance.now() - step.startedMs;
      step.outcome = 'ok';
      this.#lastStepFailed = false;
    };
    const fail = (error: unknown): void => {
      step.durationMs = performance.now() - step.startedMs;
      step.outcome = 'error';
      step.code = textOf(this.#host.describeError(error)['error.code']);
      // An error that comes through an outer step began in the inner one.
      if (this.#failure?.error !== error) this.#failure = { error, service };
      this.#lastStepFailed = true;
    };
    return settle(() => this.#host.storage.run({ scope: this, service }, fn), succeed, fail);
  }

  end(fields?: Readonly<Record<string, unknown>>): void {
    if (this.isEnded) {
      this.#host.misuse('end_twice');
      return;
    }
    if (fields !== undefined) this.#merge(fields);
    this.#endedMs = performance.now();
    this.isEnded = true;
    this.#host.finish(this);
  }

  /** The service of the code that runs now, where it runs in this scope. */
  get currentService(): string {
    const frame = this.#host.storage.getStore();
    return frame?.scope === this && frame !== this ? frame.service : this.service;
  }

  /** A log line was written in this scope. */
  noteLine(level: Level): void {
    if (this.isEnded) return;
    this.#lines ??= new LineCounts();
    this.#lines.add(level);
    if (LEVEL_RANK[level] >= LEVEL_RANK.error) this.#errorService ??= this.currentService;
  }

  /** Completes the record of the event, except for what only a kept event has: its identity and its rule. */
  completeRecord(): Record<string, unknown> {
    const { fields } = this;
    const { level } = this;
    const isFailed = LEVEL_RANK[level] >= LEVEL_RANK.error;
    if (this.#errorFields !== undefined) {
      for (const key of Object.keys(this.#errorFields)) {
        if (!isGiven(fields[key])) fields[key] = this.#errorFields[key];
      }
      if (this.#errors > 1) fields['error.count'] = this.#errors;
    }
    if (isFailed) {
      fields.service =
        this.#errorService ?? (this.#lastStepFailed ? this.#failure?.service : undefined) ?? this.service;
      this.#isNamed = false;
    }
    fields.level = level;
    fields.duration_ms = roundMs(this.durationMs);
    if (this.#steps !== undefined) {
      fields.steps = this.#steps.toJson(this.#endedMs ?? performance.now(), this.#host.quoteName);
      if (this.#steps.unrecorded > 0) fields.steps_dropped = this.#steps.unrecorded;
    }
    this.#lines?.writeTo(fields);
    if (this.#redactedKeys !== undefined) redactKeys(fields, this.#redactedKeys);
    return fields;
  }

  #merge(fields: object): void {
    this.#isNamed = false;
    mergeFields(this.#fields, fields);
  }

  #readNames(): void {
    const fields = this.#fields;
    this.#service = textOf(fields.service) ?? this.identity.service;
    this.#route = textOf(fields.route) ?? textOf(fields['url.path']);
    this.#isNamed = true;
  }

  #serviceOf(error: unknown): string {
    const failure = this.#failure;
    if (failure !== undefined && isAmongCauses(error, failure.error)) return failure.service;
    const { currentService } = this;
    const isOutsideSteps = currentService === this.service;
    return failure !== undefined && this.#lastStepFailed && isOutsideSteps ? failure.service : currentService;
  }
}

const ERROR_KEYS = ['error.code', 'error.type', 'error.message'] as const;

export function stepArguments<T>(
  optionsOrFn: StepOptions | (() => T),
  fn: (() => T) | undefined,
): readonly [StepOptions, () => T] {
  if (typeof optionsOrFn === 'function') return [{}, optionsOrFn];
  if (fn === undefined) throw new TypeError('step(name, options, fn) needs a function to run');
  return [optionsOrFn, fn];
}

/** A field that isn't there needn't be entered as undefined. */
function setOrClear(fields: Record<string, unknown>, key: string, value: string | undefined): void {
  if (value !== undefined || fields[key] !== undefined) fields[key] = value;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isAmongCauses(error: unknown, sought: unknown): boolean {
  let current = error;
  try {
    for (let i = 0; i < MAX_CAUSES; i += 1) {
      if (current === sought) return true;
      if (!(current instanceof Error)) return false;
      current = current.cause;
    }
  } catch {
    // A cause that can't be read is none.
  }
  return false;
}
