/** Lines that the server can't go on with, from wherever they came, become dead letters. */
import { serviceOf } from 'tailrace/dead-letters';
import { createProducerId, formatEventId } from 'tailrace/event';
import type { Redactor } from 'tailrace/redaction';
import type { DeadLetters } from '../dead/dead-letters.ts';

export interface Unusable {
  readonly reason: string;
  readonly line: string;
  /** True where `line` is only the start of it. */
  readonly truncated?: boolean;
}

/** Resolves when they are kept. @param sink - what refused them */
export type Bury = (lines: readonly Unusable[], source: string, sink: string) => Promise<void>;

export interface BuryOptions {
  readonly dead: DeadLetters;
  readonly redactor: Redactor | undefined;
  readonly now: () => number;
}

export function createBury({ dead, redactor, now }: BuryOptions): Bury {
  return (lines, source, sink) => {
    const at = new Date(now()).toISOString();
    // Each has a producer of its own: numbers of one producer that are dead letters would be holes in its account. They sort as
    // the lines do.
    const ids = lines.map(() => formatEventId(createProducerId(now(), Math.random), 1)).sort();
    return dead.append(
      lines.map(({ reason, line, truncated = false }, index) => {
        const redacted = redactor?.redactString(line) ?? line;
        const service = serviceOf(redacted);
        return {
          id: ids[index] ?? '',
          sink,
          reason,
          source,
          ...(service !== undefined && { service }),
          at,
          lastAt: at,
          attempts: 1,
          rounds: 0,
          truncated,
          line: Buffer.from(redacted),
        };
      }),
    );
  };
}
