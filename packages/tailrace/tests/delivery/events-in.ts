import { EVENT_SCHEMA } from '../../src/event.ts';

/** The application's events among the lines that a server took. */
export function eventsIn(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line): Record<string, unknown> => JSON.parse(line)).filter(({ schema }) => schema === EVENT_SCHEMA);
}
