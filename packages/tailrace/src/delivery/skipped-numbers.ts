/**
 * The numbers of events that a route passed over: those about a sink's own failures, which that sink doesn't get.
 *
 * They are counted as dropped, by the process whose events they are, in its next ledger line. It may be killed before that,
 * and so may the process that adopts its spool. So they are written down beside the spool's cursors before a cursor moves
 * over the events: whoever adopts the spool next finds the events before the cursor, or their numbers here.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Intervals } from '../ledger/ledger-line.ts';
import { SequenceSet } from '../ledger/sequence-set.ts';
import { FILE_MODE } from '../spool/segment.ts';

/** In the folder of the cursors, with which it goes. */
const FILE = join('cursors', 'passed-over.ndjson');

export class SkippedNumbers {
  readonly #spoolRoot: string | undefined;
  readonly #numbers = new Map<string, SequenceSet>();

  /** @param spoolRoot - the folder of the spools; `undefined` where there is none, and all is in memory */
  constructor(spoolRoot: string | undefined) {
    this.#spoolRoot = spoolRoot;
  }

  /** Notes numbers, on disk where it takes them. */
  async note(producer: string, sequences: Intervals): Promise<void> {
    const known = this.#numbers.get(producer) ?? new SequenceSet();
    this.#numbers.set(producer, known);
    for (const [from, to] of sequences) known.addRange(from, to);
    if (this.#spoolRoot === undefined) return;
    const line = `${JSON.stringify(sequences)}\n`;
    // A disk that takes nothing, or a spool that bears another name: what is in memory is as much as can be had.
    await appendFile(join(this.#spoolRoot, producer, FILE), line, { mode: FILE_MODE }).catch(() => undefined);
  }

  /** The numbers that this process, and others before it, passed over in the spool of a producer. */
  async of(producer: string): Promise<SequenceSet> {
    const all = new SequenceSet(this.#numbers.get(producer)?.intervals());
    if (this.#spoolRoot === undefined) return all;
    const text = await readFile(join(this.#spoolRoot, producer, FILE), 'utf8').catch(() => '');
    for (const line of text.split('\n')) for (const [from, to] of intervalsIn(line)) all.addRange(from, to);
    return all;
  }

  forget(producer: string): void {
    this.#numbers.delete(producer);
  }
}

/** A line that was cut in its middle says nothing. */
function intervalsIn(line: string): Intervals {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? value.filter(isInterval) : [];
  } catch {
    return [];
  }
}

function isInterval(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to]: unknown[] = value;
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && Number(from) >= 1 && Number(to) >= Number(from);
}
