import type { TailraceEvent } from '../event.ts';
import { LEDGER_LINE_START } from '../ledger/index.ts';
import type { Spool } from '../spool/types.ts';

/** A spool that parses what it is given, and keeps it. */
export interface CollectingSpool extends Spool {
  readonly events: TailraceEvent[];
  readonly lines: string[];
  readonly ledgerLines: string[];
  /** Whether each event was urgent, in the order of `events`. */
  readonly urgent: boolean[];
}

export function createCollectingSpool(onEvent: (event: TailraceEvent) => void): CollectingSpool {
  const events: TailraceEvent[] = [];
  const lines: string[] = [];
  const ledgerLines: string[] = [];
  const urgent: boolean[] = [];
  return {
    directory: ':collected:',
    events,
    lines,
    ledgerLines,
    urgent,
    append(line, _sequence, isUrgent) {
      if (line.startsWith(LEDGER_LINE_START)) {
        ledgerLines.push(line);
        return;
      }
      const event: TailraceEvent = JSON.parse(line);
      lines.push(line);
      events.push(event);
      urgent.push(isUrgent);
      onEvent(event);
    },
    tryAppend: () => false,
    flush: () => {},
    sync: async () => {},
    seal: () => {},
    position: () => ({ segment: 1, offset: 0 }),
    // Anything but 'disk' would say that the disk takes nothing, and put pressure on the policy.
    stats: () => ({ bytes: 0, segments: 0, waitingLines: 0, waitingBytes: 0, stage: 'disk' }),
    close: () => {},
  };
}
