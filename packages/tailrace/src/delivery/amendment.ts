/**
 * The last word on a producer that died: what its own ledger lines can't say of the lines that it left behind.
 *
 * Dead letters are taken from their files, which are the truth: they hold also what died in the moment before the crash,
 * and what an earlier adopter buried that crashed in its turn. So are the numbers of events about a sink's own failure, which
 * it doesn't get (`skipped-numbers.ts`).
 *
 * The amendment becomes the last line of the adopted spool itself. So it is delivered by the routes of that spool, after
 * everything else in it, and the spool goes when it has arrived: a crash at any moment leaves a spool that is adopted
 * again, and at worst an amendment that comes twice.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LEDGER_SCHEMA, type LedgerAmendment, type LossCount } from '../ledger/ledger-line.ts';
import { Losses } from '../ledger/losses.ts';
import { SequenceSet } from '../ledger/sequence-set.ts';
import { decodeDeadLetter } from './dead-letter.ts';
import { listDeadLetterFiles, splitLines } from './dead-letters.ts';
import { findEventId } from './line-kinds.ts';
import { OWN_FAILURE_REASON } from './types.ts';

export async function draftAmendment(
  producer: string,
  deadRoot: string,
  skipped: SequenceSet,
): Promise<LedgerAmendment> {
  return {
    // First, so that the line begins as LEDGER_LINE_START says.
    schema: LEDGER_SCHEMA,
    producer,
    amends: true,
    timestamp: new Date().toISOString(),
    dropped: skipped.size > 0 ? { [OWN_FAILURE_REASON]: countNumbers(skipped) } : {},
    dead: await findDeadNumbers(producer, deadRoot),
    closed: true,
  };
}

async function findDeadNumbers(producer: string, deadRoot: string): Promise<Record<string, LossCount>> {
  const dead: [string, LossCount][] = [];
  for (const route of await routesIn(deadRoot)) {
    const numbers = new SequenceSet();
    for (const { path } of await listDeadLetterFiles(join(deadRoot, route))) {
      for (const number of await readNumbers(path, producer)) numbers.add(number);
    }
    if (numbers.size > 0) dead.push([route, countNumbers(numbers)]);
  }
  return Object.fromEntries(dead);
}

async function routesIn(deadRoot: string): Promise<string[]> {
  const entries = await readdir(deadRoot, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function readNumbers(path: string, producer: string): Promise<number[]> {
  // A replay may have delivered and removed the file meanwhile: then nothing in it is dead.
  const text = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const numbers: number[] = [];
  for (const line of splitLines(text)) {
    // Most files hold letters of others, and most letters are text: those needn't be parsed.
    if (!line.includes(`${producer}-`) && !line.includes('"bytes":"')) continue;
    const letter = decodeDeadLetter(line);
    const id = letter === undefined ? undefined : findEventId(letter.line);
    if (id?.producer === producer) numbers.push(id.sequence);
  }
  return numbers;
}

function countNumbers(numbers: SequenceSet): LossCount {
  const losses = new Losses();
  losses.add(numbers.size, numbers.intervals());
  return losses.describe();
}
