import type { Measure } from '../api/types.ts';
import type { Unit } from '../measure/format.ts';
import { AccuracyWord, MeasureText } from '../measure/measure-text.tsx';
import { useMessages } from '../shell/settings.tsx';
import type { Summary } from './use-answers.ts';

interface Props {
  readonly summary: Summary | undefined;
  readonly errors: Measure | undefined;
  readonly isPending: boolean;
}

/** The few numbers that say whether all is well, each with how sure it is. */
export function SummaryStrip({ summary, errors, isPending }: Props) {
  const { summary: words } = useMessages();
  const items: [string, Measure | undefined, Unit][] = [
    [words.events, summary?.events, 'count'],
    [words.errors, errors, 'count'],
    [words.errorRate, summary?.errorRate, 'ratio'],
    [words.p50, summary?.p50, 'ms'],
    [words.p99, summary?.p99, 'ms'],
  ];
  return (
    <dl className="summary" aria-label={words.label}>
      {items.map(([name, measure, unit]) => (
        <div key={name} className={name === words.p50 ? 'summary-p50' : undefined}>
          <dt>
            {name} {measure !== undefined && <AccuracyWord measure={measure} />}
          </dt>
          <dd>
            {isPending ? (
              <span className="skeleton skeleton-number" />
            ) : measure === undefined ? (
              words.none
            ) : (
              <MeasureText measure={measure} unit={unit} />
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
