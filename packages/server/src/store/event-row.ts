/**
 * The two halves of an event as a store keeps them: the known fields, which have columns, and the rest. Both are JSON text,
 * so that whoever has the event at hand takes it apart once, and nobody parses it again.
 *
 * Most lines come from a Tailrace library and are canonical already: what `JSON.stringify` would write. For those the halves are
 * pieces of the line itself. That is found out by walking along the line with the parsed event in hand: each key and
 * each value must stand at its place, and the line must end where the event ends. So a key that stands twice, a space, an odd
 * number or an escape that need not be is noticed, and such a line is written anew.
 */
import { EVENT_FIELDS } from 'tailrace/event';

export interface EventRow {
  /** The known fields as a JSON object, without its closing brace. */
  readonly known: string;
  /** The other fields as a JSON object. */
  readonly attributes: string;
  readonly shape: AttributeShape;
  /** True where the event stands for others that were not kept. */
  readonly isSampled: boolean;
}

/** Which attributes an event has, and of what types. Events of one form share one shape. */
export interface AttributeShape {
  readonly attributes: readonly { readonly name: string; readonly type: AttributeType }[];
}

export type AttributeType = 'string' | 'number' | 'boolean' | 'json';

const KNOWN: ReadonlySet<string> = new Set(Object.keys(EVENT_FIELDS));

/** Takes an event apart by writing both halves anew. */
export function rowOf(event: Readonly<Record<string, unknown>>): EventRow {
  const known: Record<string, unknown> = {};
  const attributes: Record<string, unknown> = Object.create(null);
  let node = root();
  for (const name in event) {
    const value = event[name];
    if (KNOWN.has(name)) known[name] = value;
    else {
      attributes[name] = value;
      node = nextNode(node, name, value);
    }
  }
  return {
    known: JSON.stringify(known).slice(0, -1),
    attributes: JSON.stringify(attributes),
    shape: node,
    isSampled: isSampled(event),
  };
}

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const BRACE = 0x7d;

/**
 * Takes a line apart by cutting it up.
 *
 * @param event - what `JSON.parse` makes of the line: an object without objects in it, other than in arrays
 * @returns `undefined` where the line is not canonical.
 */
export function rowOfCanonical(line: string, event: Readonly<Record<string, unknown>>): EventRow | undefined {
  const hasEscapes = line.includes('\\');
  // Half of a surrogate pair: `stringify` writes it as it stands here, and no other reader takes it.
  if (hasEscapes && line.includes('\\ud')) return undefined;
  let known = '';
  let attributes = '';
  let node = root();
  /** Where the run of known fields, or of others, began. */
  let runStart = 1;
  let isKnownRun = true;
  let at = 0;
  for (const name in event) {
    const isKnown = KNOWN.has(name);
    if (isKnown !== isKnownRun) {
      if (at > 0) {
        if (isKnownRun) known += line.slice(runStart, at + 1);
        else attributes += line.slice(runStart, at + 1);
        runStart = at + 1;
      }
      isKnownRun = isKnown;
    }
    at += 1;
    const value = event[name];
    if (!isKnown) node = nextNode(node, name, value);
    at = hasEscapes ? skipText(line, at, JSON.stringify(name)) : skipQuoted(line, at, name);
    if (line.charCodeAt(at) !== COLON) return undefined;
    at += 1;
    if (typeof value === 'string' && !hasEscapes) at = skipQuoted(line, at, value);
    else at = skipText(line, at, typeof value === 'number' ? String(value) : JSON.stringify(value));
    const code = line.charCodeAt(at);
    if (code !== COMMA && code !== BRACE) return undefined;
  }
  if (at === 0 || at !== line.length - 1 || line.charCodeAt(at) !== BRACE) return undefined;
  if (isKnownRun) known += line.slice(runStart, at);
  else attributes += line.slice(runStart, at);
  return {
    known: `{${withoutComma(known)}`,
    attributes: `{${withoutComma(attributes)}}`,
    shape: node,
    isSampled: isSampled(event),
  };
}

/** The place behind a text, or one where nothing goes on, where it doesn't stand here. */
function skipText(line: string, at: number, text: string): number {
  return line.startsWith(text, at) ? at + text.length : line.length;
}

function skipQuoted(line: string, at: number, text: string): number {
  const end = at + 1 + text.length;
  if (line.charCodeAt(at) !== QUOTE || line.charCodeAt(end) !== QUOTE || !line.startsWith(text, at + 1)) return line.length;
  return end + 1;
}

function withoutComma(pairs: string): string {
  return pairs.charCodeAt(pairs.length - 1) === COMMA ? pairs.slice(0, -1) : pairs;
}

function isSampled(event: Readonly<Record<string, unknown>>): boolean {
  const rate = event['sampling.rate'];
  return typeof rate === 'number' && rate < 1;
}

/** A shape, and those that have one attribute more. */
interface ShapeNode extends AttributeShape {
  readonly next: ReadonlyMap<AttributeType, Map<string, ShapeNode>>;
}

/** So many shapes are shared; beyond it they begin anew, and what was handed out stays as it is. */
const MAX_NODES = 20_000;
let nodes = 0;
let first = createNode([]);

function root(): ShapeNode {
  if (nodes > MAX_NODES) {
    nodes = 0;
    first = createNode([]);
  }
  return first;
}

function nextNode(node: ShapeNode, name: string, value: unknown): ShapeNode {
  const type = attributeType(value);
  const next = node.next.get(type);
  const known = next?.get(name);
  if (known !== undefined) return known;
  const created = createNode([...node.attributes, { name, type }]);
  nodes += 1;
  next?.set(name, created);
  return created;
}

function createNode(attributes: AttributeShape['attributes']): ShapeNode {
  return { attributes, next: new Map(ATTRIBUTE_TYPES.map((type) => [type, new Map()])) };
}

export const ATTRIBUTE_TYPES: readonly AttributeType[] = ['string', 'number', 'boolean', 'json'];

function attributeType(value: unknown): AttributeType {
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'json';
}
