import type { Level } from 'tailrace/event';
import type { EarlierDecision } from './own-event.ts';

/** What a parser made of an entry: what has a place in an event's table under its name there, the rest as it was called. */
export interface ParsedEntry {
  readonly timestampMs?: number;
  readonly level?: Level;
  readonly fields: Record<string, unknown>;
  /** What was decided on it before, where it is an event of Tailrace. */
  readonly earlier?: EarlierDecision;
}

/** How an input is read. `auto` looks at each entry. */
export const FORMATS = ['auto', 'json', 'logfmt', 'common', 'combined', 'text'] as const;
export type Format = (typeof FORMATS)[number];

/** What times without a zone are taken for. */
export type Zone = 'utc' | 'local';
