/** Lines that the server can't go on with, from wherever they came, become dead letters. */
import { createProducerId, formatEventId } from 'tailrace/event';
import type { Redactor } from 'tailrace/redaction';
import type { DeadLetters } from './dead-letters.ts';

export interface Unusable {
  readonly reason: string;
  readonly line: string;
  /** True where `line` is only the start of it. */
  readonly truncated?: boolean;
}

/** Resolves when they are kept. */
export type Bury = (lines: readonly Unusable[], source: string) => Promise<void>;

export interface BuryOptions {
  readonly dead: DeadLetters;
  readonly redactor: Redactor | undefined;
  readonly now: () => number;
}

export function createBury({ dead, redactor, now }: BuryOptions): Bury {
  return (lines, source) =>
    dead.append(
      lines.map(({ reason, line, truncated = false }) => ({
        // Each has a producer of its own: numbers of one producer that are dead letters would be holes in its account.
        id: formatEventId(createProducerId(now(), Math.random), 1),
        at: new Date(now()).toISOString(),
        source,
        reason,
        line: redactor?.redactString(line) ?? line,
        truncated,
      })),
    );
}
