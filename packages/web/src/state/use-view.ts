import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { formatViewState, parseViewState, type ViewState } from './view-state.ts';

export type ChangeView = (change: Partial<ViewState>, how?: 'push' | 'replace') => void;

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

/** The view as the address says it, and how to change it: a step that the back button undoes, or none. */
export function useView(): readonly [ViewState, ChangeView] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const view = useMemo(() => parseViewState(search), [search]);
  const change = useCallback<ChangeView>((part, how = 'push') => {
    const next = formatViewState({ ...parseViewState(window.location.search), ...part });
    if (next === window.location.search) return;
    const address = window.location.pathname + next;
    if (how === 'push') window.history.pushState(null, '', address);
    else window.history.replaceState(null, '', address);
    for (const listener of listeners) listener();
  }, []);
  return [view, change];
}

/** The address of a view, for links. */
export function viewHref(view: ViewState): string {
  return window.location.pathname + formatViewState(view);
}
