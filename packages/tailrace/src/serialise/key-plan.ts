import type { FieldType } from '../event.ts';
import type { KeyDecision, Redactor } from '../redaction/index.ts';
import { FIELD_SLOTS, fieldTypeOf, PROTECTED_FIELDS, TRACE_FIELDS } from './field-types.ts';
import { quote } from './json-text.ts';
import { MAX_KEY_CHARS } from './limits.ts';

/** All that is known of a flat key from its text, worked out once. */
export interface KeyPlan {
  /** The key as it is written. */
  readonly key: string;
  readonly fieldType: FieldType | undefined;
  readonly isProtected: boolean;
  /** What is to be done with a short string under this key. */
  readonly text: 'search' | 'trust' | 'search unless hex' | 'walk';
  /** Which numbers may be written as they are. */
  readonly number: 'small' | 'integer' | 'finite' | 'walk';
  readonly decision: KeyDecision | undefined;
  /** True for the keys in which Tailrace tells what it did to the event. */
  readonly isOwn: boolean;
  /** The key as it stands in a line: `,"status":`. */
  readonly prefix: string;
  /** The place of a fixed key in the line, -1 for an attribute. */
  readonly slot: number;
  /** True where no other path is written under the same key. */
  readonly isAlone: boolean;
  /** Plans of keys below this one, by the last part of their path. */
  readonly below: Map<string, KeyPlan>;
  /** The last event that has this key, by its number: a second value for it is told by that. */
  writtenIn: number;
  /** The last short string that had nothing to redact, and how it stands in a line: services and routes come again. */
  lastText: string | undefined;
  lastFragment: string;
}

/** The keys in which an event tells what was cut from it. */
export const TRUNCATED = 'tailrace.truncated';
export const DROPPED_KEYS = 'tailrace.dropped_keys';

const MAX_PLANS = 4096;

const HEX_ID = /^[0-9a-f]{16,32}$/;

/** True for a trace or span id that looks like one, and so is no secret even if it is made of digits. */
export function isTraceId(plan: KeyPlan, value: string): boolean {
  return plan.text === 'search unless hex' && HEX_ID.test(value);
}

/** The plan of a path, from a bounded cache. */
export type PlanKey = (path: string) => KeyPlan;

/** @param onEmptied - told when the cache was full, and the plans that were given out are no longer the ones that are. */
export function createKeyPlanner(redactor: Redactor | undefined, onEmptied: () => void): PlanKey {
  const plans = new Map<string, KeyPlan>();
  return (path) => {
    const known = plans.get(path);
    if (known !== undefined) return known;
    const plan = makePlan(path, redactor);
    if (plans.size >= MAX_PLANS) {
      plans.clear();
      onEmptied();
    }
    if (path.length <= MAX_KEY_CHARS) plans.set(path, plan);
    return plan;
  };
}

function makePlan(path: string, redactor: Redactor | undefined): KeyPlan {
  const fieldType = fieldTypeOf(path);
  const decision = fieldType === undefined ? redactor?.decide(path) : undefined;
  const isNamed = decision?.kind !== undefined;
  const key = fieldType === undefined ? writableKey(decision?.key ?? path) : path;
  return {
    key,
    prefix: `,${quote(key)}:`,
    slot: FIELD_SLOTS.get(key) ?? -1,
    isAlone: key === path,
    below: new Map(),
    writtenIn: 0,
    lastText: undefined,
    lastFragment: '',
    fieldType,
    isProtected: PROTECTED_FIELDS.has(path),
    text: textModeOf(path, fieldType, isNamed),
    number: numberModeOf(fieldType, isNamed),
    decision,
    isOwn: path === TRUNCATED || path === DROPPED_KEYS,
  };
}

function textModeOf(path: string, fieldType: FieldType | undefined, isNamed: boolean): KeyPlan['text'] {
  if (PROTECTED_FIELDS.has(path)) return 'trust';
  if (TRACE_FIELDS.has(path)) return 'search unless hex';
  return isNamed || (fieldType !== undefined && fieldType !== 'string') ? 'walk' : 'search';
}

function numberModeOf(fieldType: FieldType | undefined, isNamed: boolean): KeyPlan['number'] {
  if (fieldType === undefined) return isNamed ? 'walk' : 'small';
  if (fieldType === 'integer') return 'integer';
  return fieldType === 'number' ? 'finite' : 'walk';
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
