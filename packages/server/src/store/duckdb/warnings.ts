/** What a reader of an answer must know beyond its rows. */
import type { PlanContext } from '../../query/compile-plan.ts';
import { unknownFields } from '../unknown-fields.ts';
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
