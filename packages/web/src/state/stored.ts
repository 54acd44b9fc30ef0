import { useCallback, useState } from 'react';

/** Where a browser forbids storage, a setting lasts as long as the page. */
export function readStored(storage: () => Storage, key: string): string | undefined {
  try {
    return storage().getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function writeStored(storage: () => Storage, key: string, value: string | undefined): void {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // Storage is full or forbidden: the setting holds for this page.
  }
}

const local = () => window.localStorage;

/** A setting that the browser keeps. `read` turns what was kept, which may be anything, into a value. */
export function useStored<T>(
  key: string,
  read: (text: string | undefined) => T,
  write: (value: T) => string,
): [T, (value: T) => void] {
  const [value, setValue] = useState(() => read(readStored(local, key)));
  const change = useCallback(
    (next: T) => {
      setValue(next);
      writeStored(local, key, write(next));
    },
    [key, write],
  );
  return [value, change];
}
