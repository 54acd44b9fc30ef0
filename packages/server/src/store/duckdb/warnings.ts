/** What a reader of an answer must know beyond its rows. */
import { EVENT_FIELDS } from 'tailrace/event';
import type { PlanContext } from '../../query/compile-plan.ts';
import { nearNames } from '../../query/near-names.ts';
import { isEventField, searchedFields } from '../../query/search-node.ts';
import type { FieldCounter } from './field-counts.ts';
import type { Quarantined, Retired } from './manifest.ts';
import { touches } from './snapshot.ts';

export function warningsFor(
  context: PlanContext,
  countFields: () => FieldCounter,
  gone: { readonly quarantined: readonly Quarantined[]; readonly retired: Retired },
): readonly string[] {
  const missing = gone.quarantined.filter((segment) => touches(segment, context.range));
  return [
    ...unknownFields(context, countFields),
    ...missing.map(({ rows, segment }) => `${rows} events are missing: their segment ${segment} could not be read.`),
    ...retiredEvents(context, gone.retired),
  ];
}

function unknownFields({ plan, search }: PlanContext, countFields: () => FieldCounter): string[] {
  const used = [...searchedFields(search), ...plan.groupBy, ...plan.aggregates.flatMap(({ field }) => field ?? [])];
  const attributes = [...new Set(used)].filter((field) => !isEventField(field));
  if (attributes.length === 0) return [];
  const counter = countFields();
  // With more names than are counted, one that isn't among them may exist all the same.
  if (counter.truncated) return [];
  return attributes
    .filter((field) => !counter.has(field))
    .map((field) => {
      const near = nearNames(field, [...Object.keys(EVENT_FIELDS), ...counter.names()]);
      const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
      return `No event has the field "${field}".${hint}`;
    });
}

function retiredEvents({ range }: PlanContext, { allToMs, normalToMs }: Retired): string[] {
  const warnings: string[] = [];
  const time = (ms: number): string => new Date(ms).toISOString();
  if (allToMs !== undefined && range.fromMs <= allToMs)
    warnings.push(`Events up to ${time(allToMs)} were retired: the answer has only what is left of them.`);
  if (normalToMs !== undefined && range.fromMs <= normalToMs && normalToMs > (allToMs ?? Number.NEGATIVE_INFINITY)) {
    warnings.push(
      `Normal events up to ${time(normalToMs)} were retired to keep the store within its size: ` +
        'what is counted up to then is mostly errors, slow requests and critical routes.',
    );
  }
  return warnings;
}
