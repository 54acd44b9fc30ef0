/**
 * The read key: asked for when the server answers 401, kept for this tab, sent as a bearer token, and never in an address.
 */
import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from 'react';
import { readStored, writeStored } from '../state/stored.ts';

const KEY = 'tailrace.readKey';
const session = () => window.sessionStorage;

export interface Access {
  /** `refused`: a key was sent and not accepted. */
  readonly state: 'open' | 'asked' | 'refused';
  readonly readKey: () => string | undefined;
  readonly enter: (key: string) => void;
  readonly ask: () => void;
}

const AccessContext = createContext<Access | undefined>(undefined);

export function AccessProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<Access['state']>('open');
  const key = useRef(readStored(session, KEY));

  const readKey = useCallback(() => key.current, []);
  const enter = useCallback((entered: string) => {
    key.current = entered;
    writeStored(session, KEY, entered);
    setState('open');
  }, []);
  const ask = useCallback(() => {
    const had = key.current !== undefined;
    key.current = undefined;
    writeStored(session, KEY, undefined);
    // Several requests fail at once: the first says whether a key was refused.
    setState((before) => (before === 'open' ? (had ? 'refused' : 'asked') : before));
  }, []);

  const access = useMemo(() => ({ state, readKey, enter, ask }), [state, readKey, enter, ask]);
  return <AccessContext value={access}>{children}</AccessContext>;
}

export function useAccess(): Access {
  const access = use(AccessContext);
  if (access === undefined) throw new Error('useAccess needs an AccessProvider above it');
  return access;
}
