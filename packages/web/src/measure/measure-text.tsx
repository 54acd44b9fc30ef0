import type { Measure } from '../api/types.ts';
import { useSettings } from '../shell/settings.tsx';
import { formatMeasure, isEstimate, type Unit } from './format.ts';

interface Props {
  readonly measure: Measure;
  readonly unit: Unit;
}

/** A number, with its interval where it is estimated. */
export function MeasureText({ measure, unit }: Props) {
  const { locale, messages } = useSettings();
  const { value, interval } = formatMeasure(measure, unit, locale);
  const estimated = isEstimate(measure);
  return (
    <span className="measure" title={estimated ? messages.accuracy.explain : undefined}>
      <strong className="measure-value">{value}</strong>
      {interval !== undefined && <span className="measure-interval">({interval})</span>}
    </span>
  );
}

/** `estimated` or `exact`. */
export function AccuracyWord({ measure }: { measure: Measure }) {
  const { accuracy } = useSettings().messages;
  return isEstimate(measure) ? (
    <span className="accuracy estimated" title={accuracy.explain}>
      {accuracy.estimated}
    </span>
  ) : (
    <span className="accuracy">{accuracy.exact}</span>
  );
}

/** The same in little room: the interval is on hover, and read out. */
export function MeasureShort({ measure, unit }: Props) {
  const { locale, messages } = useSettings();
  const { value, text } = formatMeasure(measure, unit, locale);
  if (!isEstimate(measure)) return <span className="measure-value">{value}</span>;
  const told = `${text}, ${messages.accuracy.estimated}`;
  return (
    <span className="measure-value" title={told}>
      <span aria-hidden="true">{value}</span>
      <span className="visually-hidden">{told}</span>
    </span>
  );
}
