import { EVENT_FIELDS, type FieldType } from '../event.ts';

/** What Tailrace itself writes. It is neither searched nor cut, and nothing that a user nests can take its place. */
export const PROTECTED_FIELDS: ReadonlySet<string> = new Set([
  'schema',
  'event_id',
  'timestamp',
  'sampling.rule',
  'sampling.rate',
]);

/** Ids in hexadecimal, which are let through as they are where they look like it. */
export const TRACE_FIELDS: ReadonlySet<string> = new Set(['trace_id', 'span_id', 'parent_span_id']);

const FIELD_TYPES: ReadonlyMap<string, FieldType> = new Map(Object.entries(EVENT_FIELDS));

export function fieldTypeOf(key: string): FieldType | undefined {
  return FIELD_TYPES.get(key);
}

/** The place of each fixed key in a line. */
export const FIELD_SLOTS: ReadonlyMap<string, number> = new Map(
  Object.keys(EVENT_FIELDS).map((key, slot) => [key, slot]),
);

/** The value as the type of its field; `undefined` where it can't sanely be one. */
export function convertToField(
  type: FieldType,
  value: unknown,
): string | number | boolean | readonly unknown[] | undefined {
  switch (type) {
    case 'string':
    case 'timestamp':
      if (typeof value === 'string') return value;
      if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
      return undefined;
    case 'integer': {
      const number = toNumber(value);
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case 'number':
      return toNumber(value);
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'json':
      return undefined;
  }
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'string' && /^-?[0-9]{1,15}(?:\.[0-9]{1,15})?$/.test(value)) return Number(value);
  return undefined;
}
