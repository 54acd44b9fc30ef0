import type { Level } from '../event.ts';
import { createRandomness, type Randomness } from '../sampling/index.ts';
import type { Neighbour, SamplingHint, Subject } from '../sampling/policy.ts';
import { newRecord } from '../scope/merge-fields.ts';
import type { OpenScope } from '../scope/open-scope.ts';
import type { Frame } from '../scope/scope.ts';
import { assignFields } from '../serialise/index.ts';
import type { LogContext } from './logger.ts';

/** One log line, before the policy has decided on it. Its record is made only when somebody asks for it. */
export class Line implements Subject {
  readonly kind: 'line_in_scope' | 'line';
  readonly level: Level;
  readonly topic: string | undefined;
  readonly service: string;
  readonly randomness: Randomness;
  readonly status = undefined;
  readonly durationMs = undefined;
  readonly #scope: OpenScope | undefined;
  readonly #message: unknown;
  readonly #context: unknown;
  readonly #bound: LogContext | undefined;
  readonly #host: LineHost;
  #fields: Record<string, unknown> | undefined;

  constructor(
    host: LineHost,
    frame: Frame | undefined,
    level: Level,
    message: unknown,
    topic: string | undefined,
    context: unknown,
    bound: LogContext | undefined,
  ) {
    this.#host = host;
    this.#scope = frame?.scope;
    this.#message = message;
    this.#context = context;
    this.#bound = bound;
    this.kind = frame === undefined ? 'line' : 'line_in_scope';
    this.level = level;
    this.topic = topic;
    this.service = frame?.service ?? host.service;
    this.randomness = frame?.scope.randomness ?? createRandomness();
  }

  get hasError(): boolean {
    return false;
  }

  get route(): string | undefined {
    return this.#scope?.route;
  }

  get method(): string | undefined {
    return this.#scope?.method;
  }

  get rateHint(): SamplingHint | undefined {
    return this.#scope?.rateHint;
  }

  get neighbour(): Neighbour | undefined {
    return this.#scope?.neighbour;
  }

  get fields(): Record<string, unknown> {
    this.#fields ??= this.#record();
    return this.#fields;
  }

  #record(): Record<string, unknown> {
    const fields = newRecord(this.#host.base);
    if (this.#bound !== undefined) assignFields(fields, this.#bound);
    this.#addContext(fields, this.#context);
    this.#addMessage(fields, this.#message);
    keepAside(fields, 'level');
    keepAside(fields, 'topic');
    fields.level = this.level;
    fields.topic = this.topic;
    fields.service = this.service;
    if (this.#scope !== undefined) {
      fields.request_id = this.#scope.requestId;
      fields.trace_id = this.#scope.traceId;
      fields.span_id = this.#scope.spanId;
    }
    return fields;
  }

  /** An error is logged as one; another object is a context without a message. */
  #addMessage(fields: Record<string, unknown>, message: unknown): void {
    keepAside(fields, 'message');
    if (isError(message)) {
      Object.assign(fields, this.#host.describeError(message));
      fields.message = fields['error.message'];
    } else if (typeof message === 'object' && message !== null) {
      assignFields(fields, message);
    } else {
      fields.message = message === undefined ? undefined : String(message);
    }
  }

  #addContext(fields: Record<string, unknown>, context: unknown): void {
    if (isError(context)) {
      Object.assign(fields, this.#host.describeError(context));
      return;
    }
    assignFields(fields, context);
    for (const key of ['error', 'err']) {
      const error = fields[key];
      if (isError(error)) {
        delete fields[key];
        Object.assign(fields, this.#host.describeError(error));
      }
    }
  }
}

/** What a line needs of the Tailrace that it is logged to. */
export interface LineHost {
  readonly service: string;
  readonly base: Readonly<Record<string, unknown>>;
  describeError(error: unknown): Record<string, unknown>;
}

/** `instanceof` asks the value for its prototype, which a revoked proxy answers with an exception. */
function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** A field under a name that the event needs for itself goes on under `reserved.`, so that nothing is lost silently. */
export function keepAside(fields: Record<string, unknown>, key: string): void {
  const value = fields[key];
  if (value === undefined) return;
  fields[`reserved.${key}`] = value;
  delete fields[key];
}
