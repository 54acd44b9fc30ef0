import { type FormEvent, useId, useState } from 'react';
import { useMessages } from '../shell/settings.tsx';

/** Asks for the admin key where a change needs it. */
export function AdminKeyForm({ isWrong, onEnter }: { isWrong: boolean; onEnter: (key: string) => void }) {
  const { dead: words } = useMessages();
  const [key, setKey] = useState('');
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') onEnter(key.trim());
  };
  return (
    <form className="admin-key" onSubmit={submit}>
      <strong>{words.adminTitle}</strong>
      <label htmlFor={id}>{words.adminLabel}</label>
      <input
        id={id}
        className="field"
        type="password"
        autoComplete="off"
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      {isWrong && (
        <p className="fault-text" role="alert">
          {words.adminWrong}
        </p>
      )}
      <button type="submit" className="button" disabled={key.trim() === ''}>
        {words.adminSubmit}
      </button>
    </form>
  );
}
