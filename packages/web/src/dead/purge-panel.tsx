import { type FormEvent, useId, useState } from 'react';
import { useClient } from '../api/api-context.tsx';
import type { DeadChoice } from '../api/types.ts';
import { useSettings } from '../shell/settings.tsx';
import { AdminKeyForm } from './admin-key-form.tsx';
import { useAdminCall } from './use-admin-call.ts';

interface Props {
  readonly choice: DeadChoice;
  readonly count: number;
  readonly onClose: () => void;
}

/** Removes letters for good, once their number was written. */
export function PurgePanel({ choice, count, onClose }: Props) {
  const { messages, locale } = useSettings();
  const words = messages.dead;
  const client = useClient();
  const [typed, setTyped] = useState('');
  const id = useId();
  const purge = useAdminCall((confirm: number, key) => client.purgeDead(choice, confirm, key));
  // What is on the screen may be older than what the server has: it checks the number once more.
  const [asked] = useState(count);
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  const isConfirmed = Number(typed.replaceAll(/[\s,.]/g, '')) === asked && typed.trim() !== '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isConfirmed) purge.start(asked);
  };
  return (
    <section className="dead-panel card" aria-label={words.purgeTitle}>
      <h2>{words.purgeTitle}</h2>
      {purge.key !== 'fine' && <AdminKeyForm isWrong={purge.key === 'wrong'} onEnter={purge.enterKey} />}
      {purge.error !== null && (
        <p className="fault-text" role="alert">
          {purge.error.message}
        </p>
      )}
      {purge.data === undefined ? (
        <form onSubmit={submit}>
          <p>{words.purgeText(n(asked))}</p>
          <label htmlFor={id}>{words.purgeLabel}</label>
          <input
            id={id}
            className="field"
            inputMode="numeric"
            autoComplete="off"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className="button-row">
            <button type="submit" className="button danger" disabled={!isConfirmed || purge.isPending}>
              {words.purgeNow}
            </button>
            <button type="button" className="button" onClick={onClose}>
              {words.cancel}
            </button>
          </div>
        </form>
      ) : (
        <>
          <p role="status">{words.purged(n(purge.data.purged))}</p>
          <div className="button-row">
            <button type="button" className="button" onClick={onClose}>
              {words.close}
            </button>
          </div>
        </>
      )}
    </section>
  );
}
