import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { useAccess } from '../access/access.tsx';
import { ApiError } from './api-error.ts';
import { type Client, createClient } from './client.ts';

const ClientContext = createContext<Client | undefined>(undefined);

export function ApiProvider({ children }: { children: ReactNode }) {
  const { readKey, ask, state } = useAccess();
  const [client] = useState(() => createClient({ base: document.baseURI, readKey }));
  const [queries] = useState(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (error) => {
            if (error instanceof ApiError && error.status === 401) ask();
          },
        }),
        defaultOptions: {
          queries: {
            // A refusal stays one; a server that is starting again deserves a second try.
            retry: (failures, error) =>
              failures < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
            retryDelay: 800,
            refetchOnWindowFocus: false,
            staleTime: 30_000,
          },
        },
      }),
  );

  useEffect(() => {
    if (state === 'open') void queries.resetQueries({ predicate: ({ state: { status } }) => status === 'error' });
  }, [state, queries]);

  return (
    <ClientContext value={client}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </ClientContext>
  );
}

export function useClient(): Client {
  const client = use(ClientContext);
  if (client === undefined) throw new Error('useClient needs an ApiProvider above it');
  return client;
}
