/**
 * The live tail where events don't come in at this process alone: while somebody watches, the store is asked once a second for
 * the newest events, and those that were not shown yet are.
 *
 * An event shows when it is in the store. One whose own time is more than a minute old then is not shown (a spool that was
 * emptied late: look for it by search), nor are more than a thousand in one second; watchers are not told how many.
 */
import { planSchema } from '../query/plan.ts';
import type { Store } from '../store/store.ts';
import type { LiveTail } from './live-tail.ts';

export interface FollowOptions {
  readonly store: Pick<Store, 'query'>;
  readonly live: LiveTail;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now: () => number;
  /** @defaultValue 1000 */
  readonly everyMs?: number;
}

const WINDOW_MS = 60_000;
const MAX_EVENTS = 1000;

export function followStore({ store, live, log, now, everyMs = 1000 }: FollowOptions): { close(): void } {
  /** Ids of the window that were shown, or were there before anybody watched. */
  let seen = new Set<string>();
  let isWatching = false;
  let isAsking = false;
  let isFailing = false;
  const stop = new AbortController();

  async function look(): Promise<void> {
    const fromMs = now() - WINDOW_MS;
    const plan = planSchema.parse({
      from: new Date(fromMs).toISOString(),
      to: new Date(now() + WINDOW_MS).toISOString(),
      limit: MAX_EVENTS,
    });
    const { rows } = await store.query(plan, stop.signal);
    const known = new Set<string>();
    for (const row of rows.toReversed()) {
      const id = String(row.event_id);
      known.add(id);
      if (isWatching && !seen.has(id)) live.offer(row, JSON.stringify(row));
    }
    // Where more than a window's worth was there, those just left out must not come back as new.
    seen = rows.length < MAX_EVENTS ? known : new Set([...seen, ...known].slice(-20 * MAX_EVENTS));
    isWatching = true;
  }

  const timer = setInterval(() => {
    if (!live.isWatched) {
      isWatching = false;
      return;
    }
    if (isAsking) return;
    isAsking = true;
    look()
      .then(
        () => {
          isFailing = false;
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          if (!isFailing) log('warn', `the live tail can't ask the store: ${String(error)}`);
          isFailing = true;
        },
      )
      .finally(() => {
        isAsking = false;
      });
  }, everyMs).unref();

  return {
    close() {
      clearInterval(timer);
      stop.abort();
    },
  };
}
