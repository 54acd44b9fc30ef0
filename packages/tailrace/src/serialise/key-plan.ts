import type { FieldType } from '../event.ts';
import type { KeyDecision, Redactor } from '../redaction/index.ts';
import { fieldTypeOf, PROTECTED_FIELDS, TRACE_FIELDS } from './field-types.ts';
import { MAX_KEY_CHARS } from './limits.ts';

/** All that is known of a flat key from its text, worked out once. */
export interface KeyPlan {
  /** The key as it is written. */
  readonly key: string;
  readonly fieldType: FieldType | undefined;
  readonly isProtected: boolean;
  readonly isTraceId: boolean;
  /** True where a string only has to be searched and measured, and a number is written as it is if not too large. */
  readonly isOrdinary: boolean;
  readonly decision: KeyDecision | undefined;
  /** True for the keys in which Tailrace tells what it did to the event. */
  readonly isOwn: boolean;
}

const MAX_PLANS = 4096;

/** The plan of a path, from a bounded cache. */
export type PlanKey = (path: string) => KeyPlan;

export function createKeyPlanner(redactor: Redactor | undefined): PlanKey {
  const plans = new Map<string, KeyPlan>();
  return (path) => {
    const known = plans.get(path);
    if (known !== undefined) return known;
    const plan = makePlan(path, redactor);
    if (plans.size >= MAX_PLANS) plans.clear();
    if (path.length <= MAX_KEY_CHARS) plans.set(path, plan);
    return plan;
  };
}

function makePlan(path: string, redactor: Redactor | undefined): KeyPlan {
  const fieldType = fieldTypeOf(path);
  const decision = fieldType === undefined ? redactor?.decide(path) : undefined;
  const isNamed = decision?.kind !== undefined;
  return {
    key: fieldType === undefined ? writableKey(decision?.key ?? path) : path,
    fieldType,
    isProtected: PROTECTED_FIELDS.has(path),
    isTraceId: TRACE_FIELDS.has(path),
    isOrdinary: fieldType === undefined && !isNamed,
    decision,
    isOwn: path.startsWith('tailrace.'),
  };
}

/**
 * A key that no reader stumbles over: bounded, without the name that changes prototypes where a reader is careless, and
 * never a bare number, which JavaScript would move before all other keys.
 */
export function writableKey(key: string): string {
  const cut = key.length > MAX_KEY_CHARS ? `${key.slice(0, MAX_KEY_CHARS - 24)}…[cut: ${key.length}]` : key;
  const safe = cut.includes('__proto__') ? cut.replaceAll('__proto__', '_proto_') : cut;
  return /^(?:0|[1-9][0-9]*)$/.test(safe) ? `_${safe}` : safe;
}
