import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { useClient } from '../api/api-context.tsx';
import { ApiError, isRecord } from '../api/api-error.ts';
import type { DeadLetter } from '../api/types.ts';
import { Failure } from '../shell/failure.tsx';
import { Icon, OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { AdminKeyForm } from './admin-key-form.tsx';
import { PurgePanel } from './purge-panel.tsx';
import { ReplayPanel } from './replay-panel.tsx';
import { useAdminCall } from './use-admin-call.ts';
import '../event/event-drawer.css';

/** One letter: why it was refused, what it is, and what can be done with it. */
export function LetterDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { messages } = useSettings();
  const words = messages.dead;
  const client = useClient();
  const drawer = useRef<HTMLDialogElement>(null);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['dead', 'letter', id],
    queryFn: ({ signal }) => client.deadLetter(id, signal),
    staleTime: 0,
  });
  const isGone = error instanceof ApiError && error.status === 404;

  useEffect(() => {
    drawer.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') onClose();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [onClose]);

  return (
    <dialog ref={drawer} open aria-label={words.letter} tabIndex={-1} className="drawer">
      <header className="drawer-bar">
        <span className="spacer" />
        <button
          type="button"
          className="icon-button"
          aria-label={words.closeDrawer}
          title={words.closeDrawer}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      <div className="drawer-body">
        {isPending && <p role="status">{words.loading}</p>}
        {data !== undefined && !isGone && <LetterTold key={id} letter={data} />}
        {isGone && <p className="empty">{words.gone}</p>}
        {error !== null && !isGone && <Failure error={error} onRetry={() => void refetch()} />}
      </div>
    </dialog>
  );
}

function LetterTold({ letter }: { letter: DeadLetter }) {
  const { messages, time, locale } = useSettings();
  const words = messages.dead;
  const [panel, setPanel] = useState<'replay' | 'purge'>();
  const choice = useMemo(() => ({ ids: [letter.id] }), [letter.id]);
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  const at = (text: string) => time.dateTime(Date.parse(text));
  const facts: [string, string | undefined][] = [
    [words.refusedBy, letter.sink],
    [words.source, letter.route === undefined ? letter.source : `${letter.source}, ${letter.route}`],
    [words.service, letter.service],
    [words.died, at(letter.at)],
    [words.last, letter.lastAt === letter.at ? undefined : at(letter.lastAt)],
    [words.attempts, n(letter.attempts)],
    [words.rounds, n(letter.rounds)],
  ];
  return (
    <>
      <section className="error-block">
        <h3>
          <OutcomeIcon outcome="error" />
          {words.reason}
        </h3>
        <p>{letter.reason}</p>
      </section>
      <p className="muted dead-id">
        <code>{letter.id}</code>
        {letter.edited !== undefined && ` · ${words.edited(letter.edited.by, at(letter.edited.at))}`}
      </p>
      {letter.truncated && <p className="warning-text">{words.truncated}</p>}
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
      <div className="button-row">
        <button type="button" className="button" disabled={letter.truncated} onClick={() => setPanel('replay')}>
          <Icon name="refresh" />
          {words.replayAll(n(1))}
        </button>
        <button type="button" className="button" onClick={() => setPanel('purge')}>
          {words.purgeAll(n(1))}
        </button>
      </div>
      {panel === 'replay' && <ReplayPanel choice={choice} onClose={() => setPanel(undefined)} />}
      {panel === 'purge' && <PurgePanel choice={choice} count={1} onClose={() => setPanel(undefined)} />}
      <EventEditor letter={letter} />
    </>
  );
}

function EventEditor({ letter }: { letter: DeadLetter }) {
  const { messages } = useSettings();
  const words = messages.dead;
  const client = useClient();
  const shown = useMemo(() => readable(letter), [letter]);
  const [draft, setDraft] = useState<string>();
  const [fault, setFault] = useState<string>();
  const id = useId();
  const edit = useAdminCall((event: Readonly<Record<string, unknown>>, key) => client.editDead(letter.id, event, key));
  const save = () => {
    const event = readEvent(draft ?? shown);
    setFault(event.kind === 'fault' ? event.reason : undefined);
    if (event.kind === 'event') edit.start(event.fields);
  };
  return (
    <section className="dead-editor">
      <h3>
        <label htmlFor={id}>{words.event}</label>
      </h3>
      {letter.bytes !== undefined && <p className="muted">{words.bytes}</p>}
      <textarea
        id={id}
        spellCheck={false}
        rows={Math.min(24, (draft ?? shown).split('\n').length + 1)}
        value={draft ?? shown}
        onChange={(event) => setDraft(event.target.value)}
      />
      {edit.key !== 'fine' && <AdminKeyForm isWrong={edit.key === 'wrong'} onEnter={edit.enterKey} />}
      {fault !== undefined && (
        <p className="fault-text" role="alert">
          {words.notJson(fault)}
        </p>
      )}
      {edit.error !== null && (
        <p className="fault-text" role="alert">
          {edit.error.message}
        </p>
      )}
      {edit.data !== undefined && <p role="status">{words.saved}</p>}
      <div className="button-row">
        <button type="button" className="button" disabled={draft === undefined || edit.isPending} onClick={save}>
          {words.save}
        </button>
      </div>
    </section>
  );
}

function readable({ line, bytes }: DeadLetter): string {
  if (line === undefined) return bytes ?? '';
  try {
    return JSON.stringify(JSON.parse(line), null, 2);
  } catch {
    return line;
  }
}

type Read =
  | { readonly kind: 'event'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'fault'; readonly reason: string };

function readEvent(text: string): Read {
  try {
    const fields: unknown = JSON.parse(text);
    return isRecord(fields) ? { kind: 'event', fields } : { kind: 'fault', reason: text.slice(0, 40) };
  } catch (error) {
    return { kind: 'fault', reason: error instanceof Error ? error.message : String(error) };
  }
}
