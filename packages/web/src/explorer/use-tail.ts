import { useCallback, useEffect, useRef, useState } from 'react';
import { useAccess } from '../access/access.tsx';
import { useClient } from '../api/api-context.tsx';
import { ApiError } from '../api/api-error.ts';
import type { EventRecord } from '../api/types.ts';

/** How many events the page keeps of a live tail. */
export const TAIL_KEEPS = 2000;
const FLUSH_MS = 250;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15_000;

export interface Tail {
  readonly status: 'connecting' | 'following' | 'lost' | 'refused';
  /** Why the tail was refused, where it was. */
  readonly error: unknown;
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Events that came since the list was paused. */
  readonly waiting: number;
  /** Events that the server left out, because this page was too slow. */
  readonly dropped: number;
  /** Events that this page let go, because it keeps only the newest. */
  readonly trimmed: number;
}

const EMPTY: Tail = { status: 'connecting', error: undefined, events: [], waiting: 0, dropped: 0, trimmed: 0 };

/** Follows new events while `enabled`; while `paused` they wait, so that the rows under the eye stay where they are. */
export function useTail(q: string, enabled: boolean, paused: boolean): Tail {
  const client = useClient();
  const { ask, state: access } = useAccess();
  const [tail, setTail] = useState<Tail>(EMPTY);
  const waiting = useRef<EventRecord[]>([]);
  const pausedNow = useRef(paused);

  const flush = useCallback(() => {
    const fresh = waiting.current;
    if (pausedNow.current) {
      setTail((before) => (before.waiting === fresh.length ? before : { ...before, waiting: fresh.length }));
      return;
    }
    if (fresh.length === 0) return;
    waiting.current = [];
    setTail((before) => {
      const events = [...fresh.reverse(), ...before.events];
      const trimmed = before.trimmed + Math.max(0, events.length - TAIL_KEEPS);
      return { ...before, events: events.slice(0, TAIL_KEEPS), waiting: 0, trimmed };
    });
  }, []);

  useEffect(() => {
    pausedNow.current = paused;
    if (!paused) flush();
  }, [paused, flush]);

  useEffect(() => {
    if (!enabled || access !== 'open') return;
    const stop = new AbortController();
    waiting.current = [];
    setTail(EMPTY);
    let droppedBefore = 0;
    let dropped = 0;
    const handlers = {
      onOpen: () => {
        droppedBefore += dropped;
        dropped = 0;
        setTail((before) => ({ ...before, status: 'following', error: undefined }));
      },
      onEvent: (event: EventRecord) => {
        waiting.current.push(event);
        if (waiting.current.length > TAIL_KEEPS) {
          waiting.current.shift();
          setTail((before) => ({ ...before, trimmed: before.trimmed + 1 }));
        }
      },
      onDropped: (total: number) => {
        dropped = total;
        setTail((before) => ({ ...before, dropped: droppedBefore + total }));
      },
    };
    const follow = async () => {
      for (let retryMs = FIRST_RETRY_MS; !stop.signal.aborted; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
        const started = performance.now();
        try {
          await client.tail(q, handlers, stop.signal);
        } catch (error) {
          if (stop.signal.aborted) return;
          if (error instanceof ApiError && error.status === 401) return ask();
          const refused = error instanceof ApiError && error.status >= 400 && error.status < 500;
          setTail((before) => ({ ...before, status: refused ? 'refused' : 'lost', error }));
          if (refused && error.status !== 429) return;
        }
        if (performance.now() - started > LAST_RETRY_MS) retryMs = FIRST_RETRY_MS;
        await pause(retryMs, stop.signal);
      }
    };
    void follow();
    const timer = setInterval(flush, FLUSH_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [client, ask, access, q, enabled, flush]);

  return enabled ? tail : EMPTY;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
