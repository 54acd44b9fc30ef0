import { useEffect, useRef } from 'react';

interface Shortcuts {
  readonly onSearch: () => void;
  readonly onNext: (() => void) | undefined;
  readonly onPrevious: (() => void) | undefined;
  readonly onClose: (() => void) | undefined;
  /** True where the arrow keys walk through the rows too, and don't scroll. */
  readonly arrowsWalk: boolean;
}

/** `/` searches, `j` and `k` (and the arrows) walk through the rows, Escape closes the drawer. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      const action = actionFor(event, latest.current);
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}

function actionFor(event: KeyboardEvent, shortcuts: Shortcuts): (() => void) | undefined {
  const onRow = event.target instanceof Element && event.target.closest('[role="grid"]') !== null;
  const arrows = shortcuts.arrowsWalk || onRow;
  switch (event.key) {
    case '/':
      return shortcuts.onSearch;
    case 'j':
      return shortcuts.onNext;
    case 'k':
      return shortcuts.onPrevious;
    case 'ArrowDown':
      return arrows ? shortcuts.onNext : undefined;
    case 'ArrowUp':
      return arrows ? shortcuts.onPrevious : undefined;
    case 'Escape':
      return shortcuts.onClose;
    default:
      return undefined;
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
