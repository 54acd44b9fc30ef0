export type { Decision } from './decision.ts';
export { subjectOfEvent } from './event-subject.ts';
export { formatKeepSignal, KEPT_HEADER, type KeepSignal, parseKeepSignal } from './keep-signal.ts';
export { murmurHash64 } from './murmur.ts';
export {
  BUILTIN_RULES,
  createPolicy,
  type Explanation,
  type Neighbour,
  type Policy,
  type PolicyOptions,
  type SamplingHint,
  type Subject,
} from './policy.ts';
export { parseRoutePattern } from './route-pattern.ts';
export { isKept, type Randomness, randomnessOf, rateOfThreshold, thresholdOfRate } from './threshold.ts';
export {
  createRandomness,
  createSpanId,
  createTraceId,
  formatTraceparent,
  formatTracestate,
  parseTraceparent,
  parseTracestate,
} from './trace-context.ts';
