import { useQuery } from '@tanstack/react-query';
import { useClient } from '../api/api-context.tsx';
import type { FallbackStatus, ProducerAccount } from '../api/types.ts';
import { formatBytes, formatDuration } from '../measure/format.ts';
import { useSettings } from '../shell/settings.tsx';
import { viewHref } from '../state/use-view.ts';
import { parseViewState } from '../state/view-state.ts';
import { FALLBACK_SEARCH, type Fallen, standingFalls } from './fallbacks.ts';

const REFRESH_MS = 5000;
const LIMIT = 200;

/** Which way the events take now: this server's way in, and every route that stands at something else than its first choice. */
export function FallbacksPanel({ producers }: { producers: readonly ProducerAccount[] }) {
  const { messages } = useSettings();
  const client = useClient();
  const refresh = { refetchInterval: REFRESH_MS, staleTime: 0, retry: false } as const;
  const health = useQuery({ queryKey: ['health'], queryFn: ({ signal }) => client.health(signal), ...refresh });
  const told = useQuery({
    queryKey: ['fallbacks'],
    queryFn: ({ signal }) => client.events({ q: FALLBACK_SEARCH, from: '-24h', to: 'now', limit: LIMIT }, signal),
    ...refresh,
  });
  const own = health.data?.fallback;
  const closed = new Set(producers.filter((account) => account.closed).map(({ producer }) => producer));
  const falls = standingFalls(told.data?.events ?? [], own, (producer) => closed.has(producer));
  if (own === undefined && falls.length === 0) return null;
  return (
    <section aria-label={messages.fallback.title}>
      <h2>{messages.fallback.title}</h2>
      <ul className="fallbacks" role="status">
        {own !== undefined && <OwnWay way={own} />}
        {falls.map((fallen) => (
          <FallenRoute key={fallen.id} fallen={fallen} />
        ))}
      </ul>
    </section>
  );
}

function OwnWay({ way }: { way: FallbackStatus }) {
  const { messages, locale, time } = useSettings();
  const sinceMs = Date.parse(way.since);
  const since = time.dateTime(sinceMs);
  if (way.stage === 'queue') return <li>{messages.fallback.first(way.name, since)}</li>;
  const lasted = formatDuration(Date.now() - sinceMs, locale);
  return (
    <li className="fallen">
      {messages.fallback.server(shown(way), since, lasted, formatBytes(way.waitingBytes, locale))}
    </li>
  );
}

function FallenRoute({ fallen }: { fallen: Fallen }) {
  const { messages, locale, time } = useSettings();
  const words = messages.fallback;
  const { id, service, host, route, sinceMs, waitingBytes } = fallen;
  return (
    <li className="fallen">
      {words.producer(
        words.whoOn(service, host),
        route === undefined ? words.noRoute : words.route(route),
        shown(fallen),
        time.dateTime(sinceMs),
        formatDuration(Date.now() - sinceMs, locale),
        formatBytes(waitingBytes, locale),
      )}{' '}
      <a href={viewHref({ ...parseViewState(''), q: FALLBACK_SEARCH, event: id })}>{words.event}</a>
    </li>
  );
}

function shown({ stage, name }: { readonly stage: string; readonly name: string }): string {
  return stage === name ? stage : `${stage} (${name})`;
}
