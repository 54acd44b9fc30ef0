import type { EventRecord } from '../api/types.ts';
import { formatDuration } from '../measure/format.ts';
import { quoteValue } from '../search/clauses.ts';
import { OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { headlineOf, idOf, numberOf, outcomeOf, routeOf, textOf, timeOf } from './event-record.ts';

interface Props {
  readonly event: EventRecord;
  readonly neighbours: readonly EventRecord[] | undefined;
  readonly isPending: boolean;
  readonly onOpen: (id: string) => void;
  readonly onSearch: (query: string) => void;
}

/** The other events of the same request or trace, in the order in which they happened. */
export function Neighbours({ event, neighbours, isPending, onOpen, onSearch }: Props) {
  const { messages, time, locale } = useSettings();
  const words = messages.event;
  const requestId = textOf(event, 'request_id');
  const traceId = textOf(event, 'trace_id');
  if (requestId === undefined && traceId === undefined) return null;
  const others = (neighbours ?? []).filter((other) => idOf(other) !== idOf(event));
  const all = [event, ...others].sort((a, b) => (timeOf(a) ?? 0) - (timeOf(b) ?? 0));
  return (
    <section>
      <h3>{words.related}</h3>
      {isPending && <div className="skeleton skeleton-row" />}
      {others.length > 0 && (
        <ol className="neighbours">
          {all.map((other) => {
            const isThis = idOf(other) === idOf(event);
            const durationMs = numberOf(other, 'duration_ms');
            return (
              <li key={idOf(other)}>
                <button
                  type="button"
                  className="neighbour"
                  aria-current={isThis}
                  disabled={isThis}
                  onClick={() => onOpen(idOf(other))}
                >
                  <OutcomeIcon outcome={outcomeOf(other)} />
                  <span className="neighbour-time">{time.clock(timeOf(other) ?? 0)}</span>
                  <strong>{textOf(other, 'service')}</strong>
                  <span className="neighbour-text">{isThis ? words.this : headlineOf(other) || routeOf(other)}</span>
                  <span>{durationMs === undefined ? '' : formatDuration(durationMs, locale)}</span>
                </button>
              </li>
            );
          })}
        </ol>
      )}
      <div className="button-row">
        {requestId !== undefined && (
          <button
            type="button"
            className="button small"
            onClick={() => onSearch(`request_id:${quoteValue(requestId)}`)}
          >
            {words.ofRequest}
          </button>
        )}
        {traceId !== undefined && (
          <button type="button" className="button small" onClick={() => onSearch(`trace_id:${quoteValue(traceId)}`)}>
            {words.ofTrace}
          </button>
        )}
      </div>
    </section>
  );
}
