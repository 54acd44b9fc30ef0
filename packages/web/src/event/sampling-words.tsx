import type { EventRecord } from '../api/types.ts';
import { weightOf } from '../measure/format.ts';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { numberOf, textOf } from './event-record.ts';

const TOLD_RULES = ['HAS_ERROR', 'SLOW_REQUEST', 'CRITICAL_ROUTE', 'SAMPLED_NORMAL'] as const;

/** Which rule kept the event, and for how many it stands. */
export function SamplingWords({ event }: { event: EventRecord }) {
  const { messages, locale } = useSettings();
  const words = messages.sampling;
  const rule = textOf(event, 'sampling.rule');
  const rate = numberOf(event, 'sampling.rate');
  const told = TOLD_RULES.find((name) => name === rule);
  const why = rule === undefined ? words.unknown : told === undefined ? words.other(rule) : words[told];
  return (
    <section className="sampling-words">
      <Icon name="info" />
      <p>
        <strong>{why}</strong>{' '}
        {rate !== undefined && rate > 0 && (rate >= 1 ? words.all : words.some(weightOf(rate, locale), String(rate)))}
      </p>
    </section>
  );
}
