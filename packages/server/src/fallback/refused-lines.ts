/** Lines that a broker will never take, with its reason; the others of the same publish it has. */
import { LinesRefusedError } from '../queue/publish-lines.ts';
import type { Unusable } from '../sources/bury.ts';

export function refusedLines(error: unknown, lines: readonly string[]): Unusable[] {
  if (!(error instanceof LinesRefusedError)) return [];
  return error.refused.flatMap(({ index, reason }) => {
    const line = lines[index];
    return line === undefined ? [] : [{ reason: `the broker refuses it: ${reason}`, line }];
  });
}
