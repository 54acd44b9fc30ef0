import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { isSearchFault } from './api-error.ts';

/** Asks again all that is on the screen and failed, but for searches that are wrong in themselves. */
export function useRetryFailed(): () => void {
  const queries = useQueryClient();
  return useCallback(() => {
    void queries.refetchQueries({
      type: 'active',
      predicate: ({ state }) => state.status === 'error' && !isSearchFault(state.error),
    });
  }, [queries]);
}
