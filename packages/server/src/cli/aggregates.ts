import type { PlanInput } from '../query/plan.ts';
import { CommandError } from './client.ts';

type Aggregates = NonNullable<PlanInput['aggregates']>;

const CALL = /^([a-z_]+\d{0,2}(?:\.\d+)?)(?:\(([^()]*)\))?$/i;
const FUNCTIONS = ['count', 'sum', 'avg', 'min', 'max', 'distinct', 'error_rate'] as const;

/**
 * Reads aggregates as people write them.
 *
 * @throws CommandError that names the one that can't be read.
 *
 * @example
 * parseAggregates('count, p99(duration_ms)');
 */
export function parseAggregates(text: string): Aggregates {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, name, field] = CALL.exec(part) ?? [];
      const percentile = /^p(\d{1,2}(?:\.\d+)?)$/.exec(name ?? '')?.[1];
      const inner = field?.trim() ?? '';
      if (percentile !== undefined && inner !== '') return { fn: 'percentile', field: inner, p: Number(percentile) };
      const fn = FUNCTIONS.find((known) => known === name?.toLowerCase());
      if (fn === undefined) {
        throw new CommandError(
          `can't read the aggregate ${JSON.stringify(part)}: write ${FUNCTIONS.join(', ')} or p99(field)`,
          2,
        );
      }
      return inner === '' ? { fn } : { fn, field: inner };
    });
}
