/**
 * Events that Tailrace has written itself: a `file` sink's log. Their names are those of the table already, so nothing is
 * guessed, and what was decided about them stays: an event that stands for ten goes on standing for ten.
 */
import { EVENT_SCHEMA } from 'tailrace/event';
import { levelOf } from './levels.ts';
import type { ParsedEntry } from './parsed-entry.ts';
import { timeOf } from './times.ts';

/** By which rule, and at which rate, an event was kept where it was written. */
export interface EarlierDecision {
  readonly rule: string;
  readonly rate: number;
}

/** `undefined` for what is no such event. */
export function readOwnEvent(value: Readonly<Record<string, unknown>>): ParsedEntry | undefined {
  if (value.schema !== EVENT_SCHEMA) return undefined;
  const { schema: _, timestamp, level, ...fields } = value;
  const rest: Record<string, unknown> = fields;
  const timestampMs = timeOf(timestamp, 'utc');
  const known = levelOf(level);
  const rule = value['sampling.rule'];
  const rate = value['sampling.rate'];
  const isDecided = typeof rule === 'string' && rule !== '' && typeof rate === 'number' && rate > 0 && rate <= 1;
  if (isDecided) {
    delete rest['sampling.rule'];
    delete rest['sampling.rate'];
  }
  return {
    ...(timestampMs !== undefined && { timestampMs }),
    ...(known !== undefined && { level: known }),
    ...(isDecided && { earlier: { rule, rate } }),
    fields: rest,
  };
}
