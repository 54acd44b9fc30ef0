import { useCallback, useEffect, useRef, useState } from 'react';

const SHOWN_MS = 1600;

/** Copies text, and says for a moment whether it worked. */
export function useCopy(): readonly [state: 'idle' | 'copied' | 'failed', copy: (text: string) => void] {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const copy = useCallback((text: string) => {
    const say = (next: 'copied' | 'failed') => {
      setState(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setState('idle'), SHOWN_MS);
    };
    // Absent where the page isn't served over HTTPS or from this machine.
    const clipboard: Clipboard | undefined = navigator.clipboard;
    if (clipboard === undefined) say(copyBySelection(text) ? 'copied' : 'failed');
    else
      clipboard.writeText(text).then(
        () => say('copied'),
        () => say('failed'),
      );
  }, []);
  return [state, copy];
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
