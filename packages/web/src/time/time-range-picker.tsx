import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import {
  absoluteRange,
  fromLocalInput,
  isRelative,
  PRESETS,
  presetOf,
  presetRange,
  type ResolvedRange,
  type TimeRange,
  toLocalInput,
} from './range.ts';
import './time-range-picker.css';

interface Props {
  readonly range: TimeRange;
  readonly resolved: ResolvedRange;
  readonly onChange: (range: TimeRange) => void;
}

export function TimeRangePicker({ range, resolved, onChange }: Props) {
  const { messages, time } = useSettings();
  const words = messages.time;
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panelId = useId();
  const preset = presetOf(range);

  useEffect(() => {
    if (!isOpen) return;
    const onPointerDown = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', onPointerDown);
    return () => document.removeEventListener('pointerdown', onPointerDown);
  }, [isOpen]);

  const choose = (next: TimeRange) => {
    setOpen(false);
    button.current?.focus();
    onChange(next);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the panel from anywhere inside
    <div
      ref={box}
      className="time-picker"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return;
        event.stopPropagation();
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button
        ref={button}
        type="button"
        className="button time-button"
        aria-label={words.label}
        aria-expanded={isOpen}
        aria-controls={panelId}
        title={`${time.utc(resolved.fromMs)} – ${time.utc(resolved.toMs)}`}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="clock" />
        <span className="time-text">{preset ? words.presets[preset] : describe(range, resolved, time.dateTime)}</span>
        <Icon name="down" />
      </button>
      <div id={panelId} className="time-panel" hidden={!isOpen}>
        <ul className="time-presets">
          {PRESETS.map((name) => (
            <li key={name}>
              <button
                type="button"
                className="menu-item"
                aria-pressed={preset === name}
                onClick={() => choose(presetRange(name))}
              >
                {words.presets[name]}
              </button>
            </li>
          ))}
        </ul>
        {isOpen && <CustomRange resolved={resolved} onApply={choose} />}
      </div>
    </div>
  );
}

function describe(range: TimeRange, resolved: ResolvedRange, write: (ms: number) => string): string {
  if (isRelative(range)) return `${range.from} – now`;
  const from = write(resolved.fromMs);
  const to = write(resolved.toMs);
  return `${from} – ${to.slice(0, 10) === from.slice(0, 10) ? to.slice(11) : to}`;
}

function CustomRange({ resolved, onApply }: { resolved: ResolvedRange; onApply: (range: TimeRange) => void }) {
  const { messages, time } = useSettings();
  const words = messages.time;
  const [from, setFrom] = useState(toLocalInput(resolved.fromMs));
  const [to, setTo] = useState(toLocalInput(resolved.toMs));
  const fromMs = fromLocalInput(from);
  const toMs = fromLocalInput(to);
  const isRight = fromMs !== undefined && toMs !== undefined && fromMs < toMs;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isRight) onApply(absoluteRange(fromMs, toMs));
  };

  return (
    <form className="time-custom" onSubmit={submit}>
      <strong>{words.custom}</strong>
      <label>
        {words.from}
        <input
          className="field"
          type="datetime-local"
          step="1"
          value={from}
          onChange={(e) => setFrom(e.target.value)}
        />
      </label>
      <label>
        {words.to}
        <input className="field" type="datetime-local" step="1" value={to} onChange={(e) => setTo(e.target.value)} />
      </label>
      {!isRight && (
        <p className="fault-text" role="alert">
          {words.wrong}
        </p>
      )}
      <button type="submit" className="button primary" disabled={!isRight}>
        {words.apply}
      </button>
      <p className="muted small">{words.local(time.zone)}</p>
    </form>
  );
}
