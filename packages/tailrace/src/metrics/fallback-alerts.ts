import type { Stage } from '../delivery/stages.ts';
import type { Notices } from './notices.ts';

/** The topic of the events that tell of a change of stage. */
export const FALLBACK_TOPIC = 'logger.fallback';

/** A change of stage, of a route or of the spool. */
export interface Fallback {
  /** `undefined` for the spool itself, which all routes share. */
  readonly route: string | undefined;
  readonly from: Stage;
  readonly to: Stage;
  readonly isFall: boolean;
  /** How long the stage that is left was in use, in milliseconds. */
  readonly heldMs: number;
  /** What waits to be delivered. */
  readonly waitingBytes: number;
}

export interface AlertParts {
  readonly service: string;
  readonly host: string;
  readonly notices: Notices;
  /** Records an event that sampling keeps. */
  readonly record: (
    level: 'error' | 'warn',
    message: string,
    topic: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
  /** Posts a text to where people look. */
  readonly post: (text: string) => void;
  readonly now: () => number;
}

/** Tells each change of stage three times: as an event, as a notice, and to the webhook. */
export function createFallbackAlerts(parts: AlertParts): (fallback: Fallback) => void {
  const { service, host, notices, record, post, now } = parts;
  return (fallback) => {
    const { route, from, to, isFall, heldMs, waitingBytes } = fallback;
    const message = describe(fallback);
    record(isFall ? 'error' : 'warn', message, FALLBACK_TOPIC, {
      'fallback.route': route,
      'fallback.from': from.stage,
      'fallback.from_sink': from.name,
      'fallback.to': to.stage,
      'fallback.to_sink': to.name,
      'fallback.ended': !isFall,
      'fallback.since': new Date(isFall ? now() : now() - heldMs).toISOString(),
      'fallback.waiting_bytes': waitingBytes,
    });
    notices.tell(isFall ? 'fallback' : 'fallback_ended', message);
    post(`${service} on ${host}: ${message}`);
  };
}

function describe({ route, from, to, isFall, heldMs, waitingBytes }: Fallback): string {
  const subject = route === undefined ? 'the spool' : `route ${route}`;
  const way = `from ${shown(from)} to ${shown(to)}`;
  const waiting = `${waitingBytes} bytes wait`;
  if (isFall) return `${subject} fell back ${way}; ${waiting}`;
  return `${subject} is back ${way}, after ${Math.round(heldMs / 1000)} s; ${waiting}`;
}

function shown({ stage, name }: Stage): string {
  return stage === name ? stage : `${stage} (${name})`;
}
