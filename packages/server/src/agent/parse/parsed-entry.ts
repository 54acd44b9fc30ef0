import type { Level } from 'tailrace/event';

/** What a parser made of an entry: what has a place in an event's table under its name there, the rest as it was called. */
export interface ParsedEntry {
  readonly timestampMs?: number;
  readonly level?: Level;
  readonly fields: Record<string, unknown>;
}

/** How an input is read. `auto` looks at each entry. */
export const FORMATS = ['auto', 'json', 'logfmt', 'common', 'combined', 'text'] as const;
export type Format = (typeof FORMATS)[number];

/** What times without a zone are taken for. */
export type Zone = 'utc' | 'local';
