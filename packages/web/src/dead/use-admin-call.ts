import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/api-error.ts';
import { readStored, writeStored } from '../state/stored.ts';

const KEY = 'tailrace.adminKey';
const session = () => window.sessionStorage;

export interface AdminCall<Input, T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly isPending: boolean;
  /** The server wants the admin key; `wrong` where it had one, and did not accept it. */
  readonly key: 'fine' | 'asked' | 'wrong';
  readonly start: (input: Input) => void;
  /** Keeps the key for this tab, and tries again. */
  readonly enterKey: (key: string) => void;
}

/** A call that changes something: with the admin key, where one was entered, and asking for it where the server wants it. */
export function useAdminCall<Input, T>(
  work: (input: Input, adminKey: string | undefined) => Promise<T>,
  { changes = true }: { readonly changes?: boolean } = {},
): AdminCall<Input, T> {
  const queries = useQueryClient();
  const { mutate, data, error, isPending, variables } = useMutation({
    mutationFn: (input: Input) => work(input, readStored(session, KEY)),
    onSuccess: () => {
      if (changes) void queries.invalidateQueries({ queryKey: ['dead'] });
    },
  });
  const isKeyWanted = error instanceof ApiError && error.status === 401;
  return {
    data,
    error: isKeyWanted ? null : error,
    isPending,
    key: isKeyWanted ? (error.code === 'KEY_WRONG' ? 'wrong' : 'asked') : 'fine',
    start: mutate,
    enterKey(key) {
      writeStored(session, KEY, key);
      if (variables !== undefined) mutate(variables);
    },
  };
}
