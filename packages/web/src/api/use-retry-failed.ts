import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';

/** Asks again all that is on the screen and failed. */
export function useRetryFailed(): () => void {
  const queries = useQueryClient();
  return useCallback(() => {
    void queries.refetchQueries({ type: 'active', predicate: ({ state }) => state.status === 'error' });
  }, [queries]);
}
