import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Level } from '../event.ts';
import type { Decision, Neighbour, Randomness } from '../sampling/index.ts';
import type { MisuseCode } from './misuse.ts';
import type { OpenScope } from './open-scope.ts';

/**
 * The scope: an event while it is being written.
 *
 * It travels in AsyncLocalStorage as a frame: the scope and the service that the work is in. A scope is its own outermost
 * frame; a step runs its function in a new frame with the step's service, so the service goes back by itself when the
 * step is over, also where steps run side by side. The fields gather in one plain object, which becomes the record of
 * the event when the scope ends. After the end everything is survived and counted, and changes nothing.
 *
 * Whose failure is it? A step that fails notes its error and its service. When an error reaches the scope, and it is that
 * error, or has it among its causes, or the last step to end was the failed one, the event carries the failed step's
 * service.
 */

/** Fields of a scope: the event's own keys, and any attribute. Nested objects become dotted keys. */
export interface ScopeFields {
  readonly service?: string | undefined;
  readonly topic?: string | undefined;
  readonly message?: string | undefined;
  readonly level?: Level | undefined;
  /** The route's template, never the raw path. */
  readonly route?: string | undefined;
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  readonly request_id?: string | undefined;
  /** Joins a trace; a `traceparent` does the same and gives the parent, too. */
  readonly trace_id?: string | undefined;
  readonly parent_span_id?: string | undefined;
  readonly [attribute: string]: unknown;
}

export interface StepOptions {
  /** The service that the step is in. @defaultValue the service of the code around it */
  readonly service?: string;
}

/** One unit of work on its way to one event. No method throws. */
export interface Scope {
  readonly traceId: string;
  readonly spanId: string;
  readonly requestId: string | undefined;
  readonly isEnded: boolean;
  /** Adds fields; of two values for one key, the later one stays, and two plain objects are put together. */
  set(fields: Readonly<Record<string, unknown>>): void;
  /** Records what went wrong. The event becomes an error, is kept, and carries the last error that was given. */
  error(error: unknown, fields?: Readonly<Record<string, unknown>>): void;
  /**
   * Records that the work was refused (bad input, no right to it) and why. The event is no error for that, unless the
   * refusal came out of a step: then a part of the work was tried, and failed.
   */
  refuse(error: unknown): void;
  /** Adds to a counter among the fields. */
  count(name: string, by?: number): void;
  /** Times `fn` as a step; its result or its error goes on to the caller. */
  step<T>(name: string, fn: () => T): T;
  step<T>(name: string, options: StepOptions, fn: () => T): T;
  /** Runs `fn` inside this scope, without ending it. */
  run<T>(fn: () => T): T;
  /** Gives this event a rate of its own, unless a rule keeps it anyway; 0 says that no event is wanted. */
  hint(rate: number): void;
  /** Fields that this event must not tell, by their dotted keys: `user.email`, `request.body.card`. */
  redact(keys: readonly string[]): void;
  /**
   * The value of the response header `tailrace-kept` where a rule keeps this event, by what is known so far; `undefined`
   * where none does. What was told stands: the event is kept, whatever else comes.
   */
  keepSignal(): string | undefined;
  /** Ends the scope: the policy decides, and the event is written. */
  end(fields?: Readonly<Record<string, unknown>>): void;
}

/** What travels in AsyncLocalStorage. */
export interface Frame {
  readonly scope: OpenScope;
  readonly service: string;
}

/** What a scope needs of the Tailrace that opened it. */
export interface ScopeHost {
  readonly storage: AsyncLocalStorage<Frame>;
  /** The fields that every event of this process has. */
  readonly base: Readonly<Record<string, unknown>>;
  describeError(error: unknown): Record<string, unknown>;
  /** A name as JSON, without secrets. */
  quoteName(name: string): string;
  /** What the policy says by what is known so far. */
  decide(scope: OpenScope): Decision;
  /** Called once, when the scope has ended. */
  finish(scope: OpenScope): void;
  /** Something was called that can't have an effect. */
  misuse(code: MisuseCode): void;
}

export interface ScopeIdentity {
  readonly service: string;
  readonly traceId: string;
  /** As it was given; a scope without one draws its own. */
  readonly spanId: string | undefined;
  readonly parentSpanId: string | undefined;
  readonly requestId: string | undefined;
  readonly randomness: Randomness;
  /** The tracestate that came in, to be sent on. */
  readonly tracestate: string | undefined;
  /** True where the bits of the decision aren't those of the trace id, so that callees must be told. */
  readonly hasOwnRandomness: boolean;
  readonly neighbour: Neighbour | undefined;
}
