/** Fields of a plan that no event has, with the names that are near: for the warnings of an answer. */
import { EVENT_FIELDS } from 'tailrace/event';
import type { PlanContext } from '../query/compile-plan.ts';
import { nearNames } from '../query/near-names.ts';
import { isEventField, searchedFields } from '../query/search-node.ts';

/** The attributes that a store knows of. */
export interface KnownFields {
  /** True where there are more than are known. */
  readonly truncated: boolean;
  has(name: string): boolean;
  names(): Iterable<string>;
}

/** The attributes that a plan speaks of. */
export function namedAttributes({ plan, search }: Pick<PlanContext, 'plan' | 'search'>): readonly string[] {
  const used = [...searchedFields(search), ...plan.groupBy, ...plan.aggregates.flatMap(({ field }) => field ?? [])];
  return [...new Set(used)].filter((field) => !isEventField(field));
}

export function unknownFields(
  context: Pick<PlanContext, 'plan' | 'search'>,
  knownFields: () => KnownFields,
): readonly string[] {
  const attributes = namedAttributes(context);
  if (attributes.length === 0) return [];
  const known = knownFields();
  // With more names than are known, one that isn't among them may exist all the same.
  if (known.truncated) return [];
  return attributes
    .filter((field) => !known.has(field))
    .map((field) => {
      const near = nearNames(field, [...Object.keys(EVENT_FIELDS), ...known.names()]);
      const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
      return `No event has the field "${field}".${hint}`;
    });
}
