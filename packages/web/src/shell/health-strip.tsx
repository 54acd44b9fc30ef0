import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useClient } from '../api/api-context.tsx';
import { useRetryFailed } from '../api/use-retry-failed.ts';
import { useLedger } from '../ledger/ledger-screen.tsx';
import { formatBytes, formatDuration } from '../measure/format.ts';
import { useSettings } from './settings.tsx';

const REFRESH_MS = 5000;

/** Whether the server answers, what waits in its queue, and what is missing: in one line. */
export function HealthStrip() {
  const { messages, locale } = useSettings();
  const words = messages.health;
  const client = useClient();
  const { data, error, isPending } = useQuery({
    queryKey: ['health'],
    queryFn: ({ signal }) => client.health(signal),
    refetchInterval: REFRESH_MS,
    staleTime: 0,
    retry: false,
  });
  const ledger = useLedger(REFRESH_MS);
  const isConnected = data !== undefined && error === null;

  // A server that is back is asked again what it couldn't answer.
  const retryFailed = useRetryFailed();
  const wasConnected = useRef(isConnected);
  useEffect(() => {
    if (isConnected && !wasConnected.current) retryFailed();
    wasConnected.current = isConnected;
  }, [isConnected, retryFailed]);

  const missing = ledger.data?.totals.missing;
  const state = isConnected ? (data.status === 'ok' ? 'good' : 'warn') : isPending ? 'waiting' : 'bad';

  return (
    <section className="health" aria-label={words.label}>
      <span className={`health-item ${state}`} title={data?.faults.join('\n')}>
        <i className="health-dot" aria-hidden="true" />
        {isConnected
          ? data.status === 'ok'
            ? words.connected
            : words.degraded
          : isPending
            ? words.connecting
            : words.disconnected}
      </span>
      {isConnected && (
        <span
          className="health-item health-queue"
          title={words.queueTitle(
            formatBytes(data.queueDepthBytes, locale),
            formatDuration(data.queueAgeSeconds * 1000, locale),
          )}
        >
          {words.queue} {formatBytes(data.queueDepthBytes, locale)}
          {data.queueDepthBytes > 0 && ` · ${formatDuration(data.queueAgeSeconds * 1000, locale)}`}
        </span>
      )}
      {isConnected && missing !== undefined && (
        <span className={`health-item health-missing ${missing > 0 ? 'bad' : ''}`}>
          {missing > 0 ? words.missing(new Intl.NumberFormat(locale).format(missing)) : words.nothingMissing}
        </span>
      )}
    </section>
  );
}
