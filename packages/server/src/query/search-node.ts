/** A search as data: what `search.ts` reads, and every store and the live tail understand. */
import { EVENT_FIELDS, type EventField, type FieldType } from 'tailrace/event';

export interface Bound<V> {
  readonly value: V;
  readonly inclusive: boolean;
}

export interface Range<V> {
  readonly low: Bound<V> | undefined;
  readonly high: Bound<V> | undefined;
}

export type SearchLeaf =
  /** Case-folded pieces that stand in this order in one value, anything between them. */
  | {
      readonly kind: 'text';
      readonly pieces: readonly string[];
      readonly position: number;
      /** The only fields that can hold it, where a store knows that; `attributes` are those without a column. */
      readonly fields?: readonly string[];
    }
  | { readonly kind: 'exists'; readonly field: string; readonly position: number }
  /** `number` where the text reads as one. */
  | {
      readonly kind: 'equals';
      readonly field: string;
      readonly text: string;
      readonly number: number | undefined;
      readonly position: number;
    }
  /** The literal pieces between the wildcards: `a*b` is `['a', 'b']`, `a*` is `['a', '']`. */
  | { readonly kind: 'like'; readonly field: string; readonly pieces: readonly string[]; readonly position: number }
  | ({ readonly kind: 'numbers'; readonly field: string; readonly position: number } & Range<number>)
  | ({ readonly kind: 'texts'; readonly field: string; readonly position: number } & Range<string>)
  /** Milliseconds; only for `timestamp`. */
  | ({ readonly kind: 'times'; readonly field: string; readonly position: number } & Range<number>);

export type SearchNode =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly SearchNode[] }
  | { readonly kind: 'not'; readonly node: SearchNode }
  | SearchLeaf;

/** The known fields in which free text is looked for. */
export const TEXT_FIELDS = [
  'event_id',
  'level',
  'message',
  'topic',
  'service',
  'version',
  'environment',
  'host',
  'route',
  'method',
  'request_id',
  'trace_id',
  'span_id',
  'parent_span_id',
  'user.id',
  'user.role',
  'error.code',
  'error.type',
  'error.message',
  'error.stack',
] as const satisfies readonly EventField[];

/** The terms of a search that name a field, in the order in which they were written. */
export function searchedFields(node: SearchNode): readonly string[] {
  if (node.kind === 'all' || node.kind === 'text') return [];
  if (node.kind === 'not') return searchedFields(node.node);
  if ('nodes' in node) return node.nodes.flatMap(searchedFields);
  return [node.field];
}

/** The fixed type of a known field; `undefined` for an attribute. */
export function knownFieldType(field: string): FieldType | undefined {
  return isEventField(field) ? EVENT_FIELDS[field] : undefined;
}

export function isEventField(field: string): field is EventField {
  return Object.hasOwn(EVENT_FIELDS, field);
}
