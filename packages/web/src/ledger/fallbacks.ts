/** Who has fallen back, and hasn't returned: from the events in which servers and applications tell of it. */
import type { EventRecord, FallbackStatus } from '../api/types.ts';

export const FALLBACK_SEARCH = 'topic:logger.fallback';

/** A route, or a server's way in, that is not at its first choice. */
export interface Fallen {
  /** Of the event that told it. */
  readonly id: string;
  readonly service: string;
  readonly host: string;
  /** `undefined` for a spool, or the way in of a server. */
  readonly route: string | undefined;
  readonly stage: string;
  readonly name: string;
  readonly sinceMs: number;
  /** What waited when it was told. */
  readonly waitingBytes: number;
}

/** The event of a change and what the server says of itself are this close. */
const SAME_MOMENT_MS = 2_000;

/**
 * The last word of each route on each host, where it is a fall.
 *
 * @param newestFirst - events of the topic `logger.fallback`
 * @param own - what this server says of its own way in, which is shown by itself
 * @param isClosed - whether a producer has ended, and with it the stage that it was at
 */
export function standingFalls(
  newestFirst: readonly EventRecord[],
  own: FallbackStatus | undefined,
  isClosed: (producer: string) => boolean,
): readonly Fallen[] {
  const seen = new Set<string>();
  const falls: Fallen[] = [];
  for (const event of newestFirst) {
    const fallen = readFallen(event);
    const key = `${fallen.service}\n${fallen.host}\n${fallen.route ?? ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const isEnded = event['fallback.ended'] === true || isClosed(fallen.id.slice(0, fallen.id.lastIndexOf('-')));
    const isOwn = own !== undefined && Math.abs(Date.parse(own.since) - fallen.sinceMs) < SAME_MOMENT_MS;
    if (!isEnded && !isOwn) falls.push(fallen);
  }
  return falls;
}

function readFallen(event: EventRecord): Fallen {
  const text = (name: string): string | undefined => {
    const value = event[name];
    return typeof value === 'string' ? value : undefined;
  };
  const bytes = event['fallback.waiting_bytes'];
  const stage = text('fallback.to') ?? '?';
  return {
    id: text('event_id') ?? '',
    service: text('service') ?? '?',
    host: text('host') ?? '?',
    route: text('fallback.route'),
    stage,
    name: text('fallback.to_sink') ?? text('fallback.to_name') ?? stage,
    sinceMs: Date.parse(text('fallback.since') ?? text('timestamp') ?? ''),
    waitingBytes: typeof bytes === 'number' ? bytes : 0,
  };
}
