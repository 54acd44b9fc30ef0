/** What the spool knows of the files, and the state file not yet: read at the start. */
import { parseEventId } from 'tailrace/event';
import { LEDGER_LINE_START } from 'tailrace/ledger';
import { enterFound } from './file-account.ts';
import type { FilePrint } from './file-print.ts';
import type { FileRegistry } from './file-registry.ts';
import { BYTES_KEY, OFFSET_KEY } from './record-entry.ts';

/** Enters a line that was found in the spool behind the place of the state file. */
export function replayLine(registry: FileRegistry, line: Buffer): void {
  const value: unknown = JSON.parse(line.toString());
  if (typeof value !== 'object' || value === null) return;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  if (line.subarray(0, LEDGER_LINE_START.length).toString() === LEDGER_LINE_START) {
    replayLedger(registry, fields);
    return;
  }
  const id = typeof fields.event_id === 'string' ? parseEventId(fields.event_id) : undefined;
  const file = id === undefined ? undefined : registry.get(id.producer);
  if (id === undefined || file === undefined) return;
  const { [OFFSET_KEY]: offset, [BYTES_KEY]: bytes } = fields;
  if (typeof offset !== 'number' || typeof bytes !== 'number') return;
  enterFound(file.account, id.sequence, String(fields['sampling.rule']));
  file.position = Math.max(file.position, offset + bytes);
}

function replayLedger(registry: FileRegistry, line: Readonly<Record<string, unknown>>): void {
  const file = typeof line.producer === 'string' ? registry.get(line.producer) : undefined;
  const { position, print, emitted, sequence, passed_on: passedOn, kept, sampled_out } = line;
  if (file === undefined || typeof position !== 'number' || typeof emitted !== 'number') return;
  if (typeof sequence !== 'number' || sequence < file.account.sequence || emitted < file.account.emitted) return;
  file.position = Math.max(file.position, position);
  file.print = printOf(print) ?? file.print;
  file.account.emitted = emitted;
  file.account.sequence = sequence;
  if (typeof passedOn === 'number') file.account.passedOn = passedOn;
  file.account.kept = countsOf(kept);
  file.account.sampledOut = countsOf(sampled_out);
}

function printOf(value: unknown): FilePrint | undefined {
  if (typeof value !== 'object' || value === null || !('at' in value) || !('head' in value) || !('tail' in value)) {
    return undefined;
  }
  const { at, head, tail } = value;
  return typeof at === 'number' && typeof head === 'string' && typeof tail === 'string'
    ? { at, head, tail }
    : undefined;
}

function countsOf(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, count]) => typeof count === 'number'));
}
