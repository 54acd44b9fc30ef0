import {
  createTraceId,
  formatTraceparent,
  formatTracestate,
  isKept,
  murmurHash64,
  type Neighbour,
  type Policy,
  parseTraceparent,
  parseTracestate,
  randomnessOf,
  rateOfThreshold,
} from '../sampling/index.ts';
import type { OpenScope } from '../scope/open-scope.ts';
import type { ScopeIdentity } from '../scope/scope.ts';

/** The fields that name a trace, of whatever kind their values are. */
interface NamesOfTrace {
  readonly service?: unknown;
  readonly traceparent?: unknown;
  readonly tracestate?: unknown;
  readonly trace_id?: unknown;
  readonly span_id?: unknown;
  readonly parent_span_id?: unknown;
  readonly request_id?: unknown;
}

/**
 * Which trace a scope belongs to, and by which bits the policy decides on it.
 *
 * The bits are, in this order: those that the tracestate names (`rv`), the trace id's own where the trace came from
 * outside or from the scope around, a hash of the request id where only that came from outside, and else those of the
 * new trace id. Where they aren't the trace id's, they are sent on as `rv`, so that callees decide by them too.
 */
export function identify(
  fields: NamesOfTrace,
  parent: OpenScope | undefined,
  defaultService: string,
  followCaller: boolean,
): ScopeIdentity {
  const incoming = parseTraceparent(textOf(fields.traceparent));
  const tracestate = incoming === undefined ? parent?.identity.tracestate : textOf(fields.tracestate);
  const state = parseTracestate(tracestate);
  const givenTrace = incoming?.traceId ?? traceIdOf(fields.trace_id);
  const isParentsTrace = parent !== undefined && (givenTrace === undefined || givenTrace === parent.traceId);
  const traceId = givenTrace ?? parent?.traceId ?? createTraceId();
  const givenRequest = textOf(fields.request_id);

  let randomness = randomnessOf(traceId);
  let hasOwnRandomness = false;
  if (isParentsTrace) {
    ({ randomness, hasOwnRandomness } = parent.identity);
  } else if (state.randomness !== undefined) {
    randomness = state.randomness;
    hasOwnRandomness = true;
  } else if (givenTrace === undefined && givenRequest !== undefined) {
    randomness = randomnessOf(murmurHash64(givenRequest));
    hasOwnRandomness = true;
  }

  let neighbour: Neighbour | undefined = isParentsTrace ? parent.neighbour : undefined;
  if (followCaller && incoming?.isSampled === true && isKept(randomness, state.threshold)) {
    const rate = rateOfThreshold(state.threshold ?? '');
    neighbour = { rule: 'CALLER_KEPT', rate, because: `the caller's sampler kept the trace at rate ${rate}` };
  }

  return {
    service: textOf(fields.service) ?? parent?.currentService ?? defaultService,
    traceId,
    spanId: spanIdOf(fields.span_id),
    parentSpanId: incoming?.spanId ?? spanIdOf(fields.parent_span_id) ?? (isParentsTrace ? parent.spanId : undefined),
    requestId: givenRequest ?? parent?.requestId,
    randomness,
    tracestate,
    hasOwnRandomness,
    neighbour,
  };
}

/** The headers that carry a scope's trace, its bits and its request id to a callee. */
export function outgoingHeaders(scope: OpenScope, policy: Policy): Record<string, string> {
  const { traceId, randomness, tracestate, hasOwnRandomness } = scope.identity;
  const { spanId, requestId } = scope;
  const threshold = policy.normalThreshold();
  const isSampled = isKept(randomness, threshold);
  const headers: Record<string, string> = { traceparent: formatTraceparent(traceId, spanId, isSampled) };
  const state = formatTracestate(tracestate, {
    ...(isSampled && threshold !== undefined ? { threshold } : {}),
    ...(hasOwnRandomness ? { randomness } : {}),
  });
  if (state !== undefined) headers.tracestate = state;
  if (requestId !== undefined && HEADER_VALUE.test(requestId)) headers['x-request-id'] = requestId;
  return headers;
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const HEADER_VALUE = /^[\x21-\x7e]{1,256}$/;

function traceIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && TRACE_ID.test(value) ? value : undefined;
}

function spanIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && SPAN_ID.test(value) ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
