import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useClient } from '../api/api-context.tsx';
import { ApiError } from '../api/api-error.ts';
import type { EventRecord } from '../api/types.ts';
import { formatDuration } from '../measure/format.ts';
import { Failure } from '../shell/failure.tsx';
import { Icon, OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { headlineOf, idOf, numberOf, outcomeOf, routeOf, textOf, timeOf } from './event-record.ts';
import { FieldsTable } from './fields-table.tsx';
import { Neighbours } from './neighbours.tsx';
import { SamplingWords } from './sampling-words.tsx';
import { StepsWaterfall } from './steps-waterfall.tsx';
import { useCopy } from './use-copy.ts';
import './event-drawer.css';

interface Props {
  readonly id: string;
  /** The event as the rows have it: shown at once, while its neighbours are fetched. */
  readonly known: EventRecord | undefined;
  readonly query: string;
  readonly onSearch: (query: string) => void;
  readonly onOpen: (id: string) => void;
  /** `undefined` at the end of the rows. */
  readonly onPrevious: (() => void) | undefined;
  readonly onNext: (() => void) | undefined;
  readonly onClose: () => void;
}

export function EventDrawer({ id, known, query, onSearch, onOpen, onPrevious, onNext, onClose }: Props) {
  const { messages } = useSettings();
  const words = messages.event;
  const client = useClient();
  const drawer = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const answer = useQuery({
    queryKey: ['event', id],
    queryFn: ({ signal }) => client.event(id, signal),
    staleTime: 60_000,
  });
  const event = answer.data?.event ?? known;
  const isGone = event === undefined && answer.error instanceof ApiError && answer.error.status === 404;

  useEffect(() => {
    drawer.current?.focus({ preventScroll: true });
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another event is read from its top
  useEffect(() => {
    body.current?.scrollTo(0, 0);
  }, [id]);

  return (
    <dialog ref={drawer} open aria-label={words.label} tabIndex={-1} className="drawer">
      <header className="drawer-bar">
        <IconButton label={words.previous} onClick={onPrevious} icon="up" />
        <IconButton label={words.next} onClick={onNext} icon="down" />
        <span className="spacer" />
        <CopyLink />
        <IconButton label={words.close} onClick={onClose} icon="close" />
      </header>
      <div ref={body} className="drawer-body">
        {event !== undefined && <EventTold event={event} query={query} onSearch={onSearch} />}
        {event !== undefined && (
          <Neighbours
            event={event}
            neighbours={answer.data?.neighbours}
            isPending={answer.isPending}
            onOpen={onOpen}
            onSearch={onSearch}
          />
        )}
        {event !== undefined && <RawJson event={event} />}
        {event === undefined && answer.isPending && <p role="status">{words.loading}</p>}
        {isGone && <p className="empty">{words.gone}</p>}
        {answer.error !== null && !isGone && <Failure error={answer.error} onRetry={() => void answer.refetch()} />}
      </div>
    </dialog>
  );
}

interface IconButtonProps {
  readonly label: string;
  readonly icon: 'up' | 'down' | 'close';
  readonly onClick: (() => void) | undefined;
}

function IconButton({ label, icon, onClick }: IconButtonProps) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      disabled={onClick === undefined}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

function CopyLink() {
  const { messages } = useSettings();
  const [state, copy] = useCopy();
  return (
    <button type="button" className="button small" onClick={() => copy(window.location.href)}>
      <Icon name={state === 'copied' ? 'check' : 'link'} />
      {state === 'copied'
        ? messages.event.copied
        : state === 'failed'
          ? messages.event.copyFailed
          : messages.event.copyLink}
    </button>
  );
}

function EventTold({ event, query, onSearch }: { event: EventRecord } & Pick<Props, 'query' | 'onSearch'>) {
  const { messages, time, locale } = useSettings();
  const words = messages.event;
  const outcome = outcomeOf(event);
  const ms = timeOf(event);
  const durationMs = numberOf(event, 'duration_ms');
  const facts: [string, string | undefined][] = [
    [words.status, textOf(event, 'status')],
    [words.duration, durationMs === undefined ? undefined : formatDuration(durationMs, locale)],
    [words.service, textOf(event, 'service')],
    [words.level, textOf(event, 'level')],
  ];
  return (
    <>
      <div className={`drawer-title is-${outcome}`}>
        <p className="drawer-outcome">
          <OutcomeIcon outcome={outcome} />
          <strong>{messages.outcome[outcome]}</strong>
          {ms !== undefined && (
            <time dateTime={new Date(ms).toISOString()} title={time.utc(ms)} className="muted">
              {time.dateTime(ms).slice(0, 10)} {time.clock(ms)}
            </time>
          )}
        </p>
        <h2>{routeOf(event) ?? textOf(event, 'message') ?? textOf(event, 'topic') ?? idOf(event)}</h2>
        {routeOf(event) !== undefined && outcome !== 'error' && <p>{headlineOf(event)}</p>}
      </div>
      <dl className="facts">
        {facts
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <ErrorBlock event={event} />
      <StepsWaterfall event={event} />
      <SamplingWords event={event} />
      <FieldsTable event={event} query={query} onSearch={onSearch} />
    </>
  );
}

function ErrorBlock({ event }: { event: EventRecord }) {
  const { messages } = useSettings();
  const code = textOf(event, 'error.code');
  const type = textOf(event, 'error.type');
  const message = textOf(event, 'error.message');
  const stack = textOf(event, 'error.stack');
  if (code === undefined && type === undefined && message === undefined) return null;
  return (
    <section className="error-block">
      <h3>
        <OutcomeIcon outcome="error" />
        {messages.event.error}
        {code !== undefined && <code>{code}</code>}
        {type !== undefined && <span className="muted">{type}</span>}
      </h3>
      {message !== undefined && <p>{message}</p>}
      {stack !== undefined && (
        <details>
          <summary>{messages.event.stack}</summary>
          <pre>{stack}</pre>
        </details>
      )}
    </section>
  );
}

function RawJson({ event }: { event: EventRecord }) {
  const { messages } = useSettings();
  const [state, copy] = useCopy();
  const text = JSON.stringify(event, null, 2);
  return (
    <details className="raw">
      <summary>
        <h3>{messages.event.raw}</h3>
      </summary>
      <button type="button" className="button small" onClick={() => copy(text)}>
        <Icon name={state === 'copied' ? 'check' : 'copy'} />
        {state === 'copied'
          ? messages.event.copied
          : state === 'failed'
            ? messages.event.copyFailed
            : messages.event.copyRaw}
      </button>
      <pre>{text}</pre>
    </details>
  );
}
