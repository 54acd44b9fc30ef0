/** Plans of aggregates for the property tests, over the fields of `generated.ts`. */
import fc from 'fast-check';
import type { PlanInput } from '../../query/plan.ts';
import { ATTRIBUTES, generatedSearch } from './generated.ts';

const numeric = fc.constantFrom('duration_ms', 'status', 'payment.amount', 'tags', 'absent');
const anyField = fc.constantFrom(
  'service',
  'level',
  'route',
  'status',
  'error.code',
  'user.id',
  'timestamp',
  ...ATTRIBUTES,
);
const aggregate = fc.oneof(
  fc.constant({ fn: 'count' as const }),
  fc.constant({ fn: 'error_rate' as const }),
  fc.record({ fn: fc.constantFrom('sum', 'avg', 'min', 'max'), field: numeric }),
  fc.record({ fn: fc.constant('distinct' as const), field: anyField }),
  fc.record({ fn: fc.constant('percentile' as const), field: numeric, p: fc.constantFrom(1, 50, 90, 99, 99.9) }),
);

export const generatedPlan: fc.Arbitrary<PlanInput> = fc
  .record(
    {
      from: fc.constantFrom('-1h', '-2h', '-1d', '2026-11-21T08:00:00Z'),
      to: fc.constantFrom('now', '-20m'),
      where: fc.oneof({ arbitrary: fc.constant(''), weight: 2 }, generatedSearch),
      groupBy: fc.uniqueArray(anyField, { maxLength: 2 }),
      aggregates: fc.array(aggregate, { maxLength: 4 }),
      bucket: fc.constantFrom('1m', '10m', '1h', 'auto'),
      limit: fc.constantFrom(1, 5, 10_000),
    },
    { requiredKeys: ['from', 'groupBy', 'aggregates', 'limit'] },
  )
  .map((plan) => ({ ...plan, aggregates: plan.aggregates.map((each, i) => ({ ...each, as: `a${i}` })) }));
