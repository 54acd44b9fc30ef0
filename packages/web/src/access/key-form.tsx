import { type FormEvent, useId, useState } from 'react';
import { useMessages } from '../shell/settings.tsx';
import { useAccess } from './access.tsx';

export function KeyForm() {
  const { access: words } = useMessages();
  const { state, enter } = useAccess();
  const [key, setKey] = useState('');
  const id = useId();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') enter(key.trim());
  };

  return (
    <main className="gate">
      <form className="card gate-card" onSubmit={submit}>
        <h1>{words.title}</h1>
        <p className="muted">{words.text}</p>
        <label htmlFor={id}>{words.label}</label>
        <input
          id={id}
          className="field"
          type="password"
          autoComplete="off"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          // biome-ignore lint/a11y/noAutofocus: the form is the whole screen, and there is nothing else to do on it
          autoFocus
        />
        {state === 'refused' && (
          <p className="fault-text" role="alert">
            {words.wrong}
          </p>
        )}
        <button type="submit" className="button primary" disabled={key.trim() === ''}>
          {words.submit}
        </button>
      </form>
    </main>
  );
}
