/**
 * The two halves of an event as a store keeps them: the known fields, which have columns, and the rest. Both are JSON text,
 * so that whoever has the event at hand takes it apart once, and nobody parses it again.
 */
import { EVENT_FIELDS, type EventField } from 'tailrace/event';

export interface EventRow {
  /** The known fields as a JSON object, without its closing brace. */
  readonly known: string;
  /** The other fields as a JSON object. */
  readonly attributes: string;
  readonly shape: AttributeShape;
  /** The values of the known fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** True where the event stands for others that were not kept. */
  readonly isSampled: boolean;
}

/** Which attributes an event has, and of what types, the last one first. Events of one form share one shape. */
export interface AttributeShape {
  /** The shape without this attribute; `undefined` where there is none, and the name means nothing. */
  readonly before: AttributeShape | undefined;
  readonly name: string;
  readonly type: AttributeType;
}

export type AttributeType = 'string' | 'number' | 'boolean' | 'json';

const KNOWN: ReadonlySet<string> = new Set(Object.keys(EVENT_FIELDS));

/**
 * All keys are there from the start, so that every event has the same form in memory: an object to which so many keys are added
 * one by one is turned into a hash table, and written at half the speed.
 */
const NO_FIELDS: Readonly<Record<EventField, undefined>> = {
  schema: undefined,
  event_id: undefined,
  timestamp: undefined,
  level: undefined,
  message: undefined,
  topic: undefined,
  service: undefined,
  version: undefined,
  environment: undefined,
  host: undefined,
  route: undefined,
  method: undefined,
  status: undefined,
  duration_ms: undefined,
  request_id: undefined,
  trace_id: undefined,
  span_id: undefined,
  parent_span_id: undefined,
  'user.id': undefined,
  'user.role': undefined,
  'error.code': undefined,
  'error.type': undefined,
  'error.message': undefined,
  'error.stack': undefined,
  steps: undefined,
  'sampling.rule': undefined,
  'sampling.rate': undefined,
};

/** Collects the fields of one event. The known ones are written in the order of the table, whatever the order in which they come. */
export class RowMaker {
  readonly #known: Record<string, unknown> = { ...NO_FIELDS };
  readonly #attributes: Record<string, unknown> = {};
  #shape = Shape.empty;

  addKnown(name: string, value: unknown): void {
    this.#known[name] = value;
  }

  addAttribute(name: string, value: unknown): void {
    // Assigning `__proto__` would set the prototype instead of a key.
    if (name === '__proto__') Object.defineProperty(this.#attributes, name, { value, enumerable: true });
    else this.#attributes[name] = value;
    this.#shape = this.#shape.with(name, attributeType(value));
  }

  finish(): EventRow {
    const rate = this.#known['sampling.rate'];
    return {
      known: wellFormed(JSON.stringify(this.#known)).slice(0, -1),
      attributes: wellFormed(JSON.stringify(this.#attributes)),
      shape: this.#shape,
      fields: this.#known,
      isSampled: typeof rate === 'number' && rate < 1,
    };
  }
}

export function rowOf(event: Readonly<Record<string, unknown>>): EventRow {
  const maker = new RowMaker();
  for (const name in event) {
    if (KNOWN.has(name)) maker.addKnown(name, event[name]);
    else maker.addAttribute(name, event[name]);
  }
  return maker.finish();
}

/** The event as one line of JSON. */
export function lineOf({ known, attributes }: EventRow): string {
  return attributes === '{}' ? `${known}}` : `${known},${attributes.slice(1)}`;
}

/**
 * Half a surrogate pair is legal JSON (`"\\ud800"`) and no legal text: other readers of the line fail on it. `stringify`
 * writes such a half as an escape, so that is where it is found.
 */
function wellFormed(text: string): string {
  if (!text.includes('\\ud')) return text;
  return text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? '\ufffd' : found));
}

/** So many shapes are shared; beyond it they begin anew, and what was handed out stays as it is. */
const MAX_SHAPES = 20_000;

export class Shape implements AttributeShape {
  static #count = 0;
  static #empty = new Shape(undefined, '', 'json');
  readonly before: Shape | undefined;
  readonly name: string;
  readonly type: AttributeType;
  readonly #longer = new Map<string, Shape[]>();

  private constructor(before: Shape | undefined, name: string, type: AttributeType) {
    this.before = before;
    this.name = name;
    this.type = type;
  }

  /** Without attributes. */
  static get empty(): Shape {
    if (Shape.#count > MAX_SHAPES) {
      Shape.#count = 0;
      Shape.#empty = new Shape(undefined, '', 'json');
    }
    return Shape.#empty;
  }

  with(name: string, type: AttributeType): Shape {
    const sameName = this.#longer.get(name);
    const known = sameName?.find((shape) => shape.type === type);
    if (known !== undefined) return known;
    const created = new Shape(this, name, type);
    Shape.#count += 1;
    if (sameName === undefined) this.#longer.set(name, [created]);
    else sameName.push(created);
    return created;
  }
}

/** Calls back with each attribute of a shape. */
export function eachAttribute(shape: AttributeShape, call: (name: string, type: AttributeType) => void): void {
  for (let at = shape; at.before !== undefined; at = at.before) call(at.name, at.type);
}

function attributeType(value: unknown): AttributeType {
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'json';
}
