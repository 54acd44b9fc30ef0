/**
 * The walk through what isn't ordinary in a record: flattens, redacts and limits, and writes flat keys into the line.
 *
 * Every value costs a node, every string its characters, out of a budget for the whole event, so no shape of input makes
 * the walk long: not arrays of arrays, not a million keys, not a graph in which everything refers to everything. What the
 * budget or a limit cuts leaves a mark in its place and its key in `tailrace.truncated`.
 */
import type { EventLimits } from '../options.ts';
import type { Redactor } from '../redaction/index.ts';
import { readErrorFields, readOwnErrorFields } from './describe-error.ts';
import { convertToField } from './field-types.ts';
import { quote, stringify } from './json-text.ts';
import { isTraceId, type KeyPlan, type PlanKey, writableKey } from './key-plan.ts';
import { MAX_OVERDRAFT_CHARS, SHORT_CHARS } from './limits.ts';
import type { LineText } from './line-text.ts';
import { readProperty, toText } from './safe-read.ts';
import { isUnread, readOrUnread, type Unwrapped, unwrap } from './unwrap.ts';

export interface WalkSettings {
  readonly limits: EventLimits;
  readonly redactor: Redactor | undefined;
  readonly includeStack: boolean;
  readonly planKey: PlanKey;
}

/** Listing the keys of an object takes time too, though but few of them are read. */
const KEYS_LISTED_PER_NODE = 16;
const MIN_FIELDS = 4;

/** What may still be spent on one event. */
export interface Budget {
  /** Attributes to be written. */
  keys: number;
  /** Values to be looked at. */
  nodes: number;
  /** Characters to be searched; what is below 0 was spent on short strings. */
  chars: number;
}

type Fields = Iterable<readonly [key: string, value: unknown]>;

export class EventWalk {
  readonly #settings: WalkSettings;
  readonly #line: LineText;
  readonly #ancestors: object[] = [];
  /** Keys of which something was cut. */
  readonly truncated = new Set<string>();
  readonly #budget: Budget;
  droppedKeys = 0;
  unreadable = 0;

  constructor(settings: WalkSettings, line: LineText, budget: Budget) {
    this.#settings = settings;
    this.#line = line;
    this.#budget = budget;
  }

  /** Writes a value under a flat key, or its parts under keys below it. */
  put(path: string, value: unknown, depth: number): void {
    if (value === undefined) return;
    const plan = this.#planFor(path, depth);
    if (typeof value !== 'object' || value === null) {
      this.#putScalar(path, plan, value);
      return;
    }
    if (isUnread(value)) {
      this.#putUnread(plan, value.reason);
      return;
    }
    if (!this.#enter(plan.key, value, depth)) {
      this.#write(plan, this.#markFor(value, depth));
      return;
    }
    this.#putUnwrapped(path, plan, unwrap(value, this.#settings.limits.items + 1, true), depth);
    this.#ancestors.pop();
  }

  #putUnwrapped(path: string, plan: KeyPlan, unwrapped: Unwrapped, depth: number): void {
    switch (unwrapped.kind) {
      case 'scalar':
        this.#putScalar(path, plan, unwrapped.value);
        return;
      case 'unreadable':
        this.#putUnread(plan, unwrapped.reason);
        return;
      case 'items': {
        const place =
          plan.fieldType === undefined || plan.fieldType === 'json' ? plan : this.#settings.planKey(`${path}_`);
        this.#write(place, this.#toItems(`${path}[]`, place.key, unwrapped.items, unwrapped.length, depth));
        return;
      }
      case 'other':
        this.#putOther(path, plan, unwrapped.value, depth);
        return;
      default:
        this.#putFields(path, plan, unwrapped, depth);
    }
  }

  /** What `toJSON` answered. It may be any value, but its own `toJSON` isn't called again. */
  #putOther(path: string, plan: KeyPlan, value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) {
      this.#putScalar(path, plan, value ?? null);
      return;
    }
    const again = unwrap(value, this.#settings.limits.items + 1, false);
    if (again.kind === 'other') this.#putUnread(plan, 'toJSON answered itself');
    else this.#putUnwrapped(path, plan, again, depth);
  }

  #putFields(path: string, plan: KeyPlan, unwrapped: Unwrapped, depth: number): void {
    let empty = true;
    for (const [key, value] of this.#fieldsOf(plan.key, unwrapped)) {
      empty = false;
      if (this.#budget.keys <= 0) {
        this.truncated.add(plan.key);
        this.droppedKeys += 1;
      } else {
        this.put(`${path}.${key}`, value, depth + 1);
      }
    }
    if (empty) this.#write(plan.fieldType === undefined ? plan : this.#settings.planKey(`${path}_`), '{}');
  }

  /** The fields of an object, one at a time, so that no more are read than are wanted. */
  *#fieldsOf(key: string, unwrapped: Unwrapped): Fields {
    const { limits, includeStack } = this.#settings;
    if (unwrapped.kind === 'error') {
      yield* Object.entries(readErrorFields(unwrapped.error, includeStack));
      yield* Object.entries(readOwnErrorFields(unwrapped.error, limits.items));
    } else if (unwrapped.kind === 'entries') {
      const wanted = this.#takeNodes(Math.min(unwrapped.entries.length, limits.items));
      yield* unwrapped.entries.slice(0, wanted);
      this.#dropKeys(key, unwrapped.size - wanted);
    } else if (unwrapped.kind === 'fields') {
      const { source, keys } = unwrapped;
      this.#budget.nodes -= Math.floor(keys.length / KEYS_LISTED_PER_NODE);
      const wanted = this.#takeNodes(Math.min(keys.length, limits.keys));
      for (const name of keys.slice(0, wanted)) yield [name, readOrUnread(source, name)];
      this.#dropKeys(key, keys.length - wanted);
    }
  }

  /** As many nodes as the budget still has, and always a few, so that the start of every object is seen. */
  #takeNodes(wanted: number): number {
    const taken = Math.min(wanted, Math.max(this.#budget.nodes, MIN_FIELDS));
    this.#budget.nodes -= taken;
    return taken;
  }

  #dropKeys(key: string, count: number): void {
    if (count <= 0) return;
    this.droppedKeys += count;
    this.truncated.add(key);
  }

  /** A nested field can't take the place of what Tailrace itself wrote: it goes beside it. */
  #planFor(path: string, depth: number): KeyPlan {
    const plan = this.#settings.planKey(path);
    return plan.isProtected && depth > 0 ? this.#settings.planKey(`${path}_`) : plan;
  }

  #putScalar(path: string, plan: KeyPlan, value: unknown): void {
    if (plan.fieldType === undefined) {
      this.#write(plan, this.#toScalar(plan.key, plan, value));
      return;
    }
    if (value === null || value === undefined) return;
    const converted = convertToField(plan.fieldType, value);
    if (converted === undefined) {
      const beside = this.#settings.planKey(`${path}_`);
      this.#write(beside, this.#toScalar(beside.key, beside, value));
    } else if (typeof converted !== 'string' || plan.isProtected || isTraceId(plan, converted)) {
      this.#write(plan, converted);
    } else {
      this.#write(plan, this.#toText(plan.key, converted));
    }
  }

  #putUnread(plan: KeyPlan, reason: string): void {
    this.unreadable += 1;
    const place = plan.fieldType === undefined ? plan : this.#settings.planKey(`${plan.key}_`);
    this.#write(place, this.#toText(place.key, `[Unreadable: ${reason}]`));
  }

  #write(plan: KeyPlan, value: unknown): void {
    if (value === undefined) return;
    if (plan.fieldType === undefined && !plan.isOwn) {
      if (this.#budget.keys <= 0) {
        this.droppedKeys += 1;
        return;
      }
      this.#budget.keys -= 1;
    }
    this.#line.put(plan, typeof value === 'string' ? quote(value) : stringify(value));
  }

  /** False where this object is not to be walked: it is its own ancestor, too deep, or the budget is spent. */
  #enter(key: string, value: object, depth: number): boolean {
    this.#budget.nodes -= 1;
    const isCircular = this.#ancestors.includes(value);
    if (!isCircular && depth < this.#settings.limits.depth && this.#budget.nodes > 0) {
      this.#ancestors.push(value);
      return true;
    }
    if (!isCircular) this.truncated.add(key);
    return false;
  }

  #markFor(value: object, depth: number): string {
    if (this.#ancestors.includes(value)) return '[Circular]';
    return depth >= this.#settings.limits.depth ? '[Cut: too deep]' : '[Cut: too many values]';
  }

  #toItems(path: string, key: string, items: readonly unknown[], length: number, depth: number): unknown[] {
    const { items: limit } = this.#settings.limits;
    const result: unknown[] = [];
    const wanted = length > limit ? limit - 1 : length;
    for (const item of items.slice(0, wanted)) {
      if (this.#budget.nodes <= 0) break;
      result.push(this.#toItem(path, key, item, depth + 1) ?? null);
    }
    if (result.length < length) {
      this.truncated.add(key);
      result.push(`[Cut: ${length - result.length} more of ${length} items]`);
    }
    return result;
  }

  #toItem(path: string, key: string, value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) {
      this.#budget.nodes -= 1;
      return this.#toScalar(key, this.#settings.planKey(path), value);
    }
    if (isUnread(value)) {
      this.unreadable += 1;
      return this.#toText(key, `[Unreadable: ${value.reason}]`);
    }
    if (!this.#enter(key, value, depth)) return this.#markFor(value, depth);
    const result = this.#toJson(path, key, unwrap(value, this.#settings.limits.items + 1, true), depth);
    this.#ancestors.pop();
    return result;
  }

  #toJson(path: string, key: string, unwrapped: Unwrapped, depth: number): unknown {
    switch (unwrapped.kind) {
      case 'scalar':
        return this.#toScalar(key, this.#settings.planKey(path), unwrapped.value);
      case 'unreadable':
        this.unreadable += 1;
        return this.#toText(key, `[Unreadable: ${unwrapped.reason}]`);
      case 'items':
        return this.#toItems(`${path}[]`, key, unwrapped.items, unwrapped.length, depth);
      case 'other': {
        if (typeof unwrapped.value !== 'object' || unwrapped.value === null) {
          return this.#toScalar(key, this.#settings.planKey(path), unwrapped.value);
        }
        const again = unwrap(unwrapped.value, this.#settings.limits.items + 1, false);
        return again.kind === 'other' ? null : this.#toJson(path, key, again, depth);
      }
      default:
        return this.#toObject(path, key, unwrapped, depth);
    }
  }

  #toObject(path: string, key: string, unwrapped: Unwrapped, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [name, value] of this.#fieldsOf(key, unwrapped)) {
      const item = this.#toItem(`${path}.${name}`, key, value, depth + 1);
      if (item !== undefined) result[writableKey(this.#settings.redactor?.redactString(name) ?? name)] = item;
    }
    return result;
  }

  #toScalar(key: string, plan: KeyPlan, value: unknown): unknown {
    const plain = toJsonScalar(value);
    const { redactor } = this.#settings;
    if (plain === undefined || redactor === undefined || plan.decision === undefined) {
      return typeof plain === 'string' ? this.#toText(key, plain) : plain;
    }
    if (plan.decision.kind !== undefined) {
      const named = redactor.redactNamed(plan.decision, plain);
      if (named !== plain) return named;
    }
    if (typeof plain === 'string') return this.#toText(key, plain);
    return typeof plain === 'number' && !plan.decision.isMeasure ? redactor.redactNumber(plain) : plain;
  }

  /** Text within the limits, without secrets. A text that was cut tells its original length. */
  #toText(key: string, text: string): string {
    const { limits, redactor } = this.#settings;
    const { chars } = this.#budget;
    const limit = limits.stringLength;
    const mark = `…[cut: ${text.length} characters]`;
    const isAffordable = Math.min(text.length, limit) <= chars;
    if (!isAffordable && (text.length > SHORT_CHARS || chars < -MAX_OVERDRAFT_CHARS)) {
      this.truncated.add(key);
      return mark;
    }
    this.#budget.chars -= Math.min(text.length, limit);
    if (text.length <= limit) return redactor === undefined ? text : withinLimit(redactor.redactString(text), limit);
    this.truncated.add(key);
    const wanted = limit - mark.length;
    const head = redactor === undefined ? text.slice(0, wanted) : redactor.redactString(text, wanted).slice(0, wanted);
    return head + mark;
  }
}

/** What stands for a secret can be longer than it was. */
function withinLimit(text: string, limit: number): string {
  return text.length > limit ? text.slice(0, limit) : text;
}

/** Numbers that JSON has no form for, and everything else that isn't JSON, as text. */
function toJsonScalar(value: unknown): string | number | boolean | null | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
        ? Number(value)
        : `${value}`;
    case 'undefined':
      return undefined;
    case 'function':
      return `[Function: ${nameOfFunction(value)}]`;
    default:
      return value === null ? null : toText(value);
  }
}

function nameOfFunction(value: object): string {
  const name = readProperty(value, 'name');
  return typeof name === 'string' && name !== '' ? name : 'anonymous';
}
