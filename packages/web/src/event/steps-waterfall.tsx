import type { EventRecord } from '../api/types.ts';
import { formatDuration } from '../measure/format.ts';
import { OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { numberOf, stepsOf } from './event-record.ts';

/** The steps, each where it began and as long as it took, on the scale of the whole event. */
export function StepsWaterfall({ event }: { event: EventRecord }) {
  const { messages, locale } = useSettings();
  const words = messages.event;
  const steps = stepsOf(event);
  const last = steps.at(-1);
  if (last === undefined) return null;
  const totalMs = Math.max(last.startMs + last.durationMs, numberOf(event, 'duration_ms') ?? 0, 0.001);
  return (
    <section>
      <h3>
        {words.steps} <span className="muted small">{words.stepsNote}</span>
      </h3>
      <ol className="steps">
        {steps.map((step) => (
          <li key={`${step.startMs} ${step.name}`} className={step.failed ? 'step failed' : 'step'}>
            <div className="step-head">
              <OutcomeIcon outcome={step.failed ? 'error' : 'normal'} />
              <strong>{step.name}</strong>
              {step.service !== undefined && <span className="step-service">{step.service}</span>}
              <span className="step-outcome">
                {step.failed ? words.failed : words.ok}
                {step.code !== undefined && <code>{step.code}</code>}
              </span>
              <span className="step-duration">{formatDuration(step.durationMs, locale)}</span>
            </div>
            <div className="step-track" aria-hidden="true">
              <i
                style={{
                  marginLeft: `${(step.startMs / totalMs) * 100}%`,
                  width: `${Math.max((step.durationMs / totalMs) * 100, 0.4)}%`,
                }}
              />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
