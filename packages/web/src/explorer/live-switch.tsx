import { useSettings } from '../shell/settings.tsx';
import type { Tail } from './use-tail.ts';

interface Props {
  readonly isOn: boolean;
  readonly isPaused: boolean;
  readonly tail: Tail;
  readonly onChange: (isOn: boolean) => void;
}

export function LiveSwitch({ isOn, isPaused, tail, onChange }: Props) {
  const { messages } = useSettings();
  const words = messages.live;
  const state = !isOn
    ? 'off'
    : tail.status === 'following'
      ? isPaused
        ? 'paused'
        : 'following'
      : tail.status === 'connecting'
        ? 'connecting'
        : 'lost';
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      aria-label={words.label}
      className={`button live-switch ${state}`}
      title={isOn ? words.on : undefined}
      onClick={() => onChange(!isOn)}
    >
      <i className="live-dot" aria-hidden="true" />
      {words.label}
      {isOn && state !== 'off' && state !== 'lost' && <span className="live-state">{words[state]}</span>}
    </button>
  );
}

interface NoticeProps {
  readonly tail: Tail;
  readonly onResume: () => void;
}

/** What a reader of the live tail must know: what waits, what was left out, that it broke off. */
export function LiveNotices({ tail, onResume }: NoticeProps) {
  const { messages, locale } = useSettings();
  const words = messages.live;
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  return (
    <>
      {tail.waiting > 0 && (
        <button type="button" className="button primary live-waiting" onClick={onResume}>
          {words.waiting(tail.waiting)} · {words.resume}
        </button>
      )}
      {(tail.dropped > 0 || tail.trimmed > 0 || tail.status === 'lost') && (
        <p className="notice" role="status">
          {tail.status === 'lost' && `${words.lost} `}
          {tail.dropped > 0 && `${words.dropped(n(tail.dropped))}. `}
          {tail.trimmed > 0 && words.trimmed(n(tail.events.length))}
        </p>
      )}
    </>
  );
}
