/** The accounts of producers: each one's latest ledger line, and what its adopters have added. */
import {
  type Intervals,
  LEDGER_SCHEMA,
  type LedgerAmendment,
  type LedgerLine,
  mergeLosses,
} from '../../ledger/index.ts';
import type { Collections } from './schema.ts';
import { readStored, replaceProducer, seeProducers } from './sequences.ts';

type Account = LedgerLine | LedgerAmendment;

/** Takes accounts in any order, and more than once. */
export async function noteAccounts(collections: Collections, lines: readonly Account[], seen: Date): Promise<void> {
  if (lines.length === 0) return;
  await seeProducers(collections, new Set(lines.map(({ producer }) => producer)), seen);
  const latest = new Map<string, LedgerLine>();
  for (const line of lines) {
    if ('amends' in line) continue;
    const known = latest.get(line.producer);
    if (known === undefined || !isOlder(line, known)) latest.set(line.producer, line);
  }
  if (latest.size > 0) {
    const operations = [...latest.values()].map((line) => ({
      updateOne: {
        filter: {
          _id: line.producer,
          $or: [{ emitted: { $lt: line.emitted } }, { emitted: line.emitted, noted: { $lte: line.timestamp } }],
        },
        update: { $set: { emitted: line.emitted, noted: line.timestamp, account: JSON.stringify(line) } },
      },
    }));
    await collections.producers.bulkWrite(operations, { ordered: false });
  }
  for (const line of lines) {
    if (!('amends' in line)) continue;
    await replaceProducer(collections, line.producer, ({ amendment }) => {
      const merged = JSON.stringify(mergeAmendments(readAmendment(amendment), line));
      return merged === amendment ? undefined : { amendment: merged };
    });
  }
}

export interface KeptAccount {
  readonly producer: string;
  readonly stored: Intervals;
  readonly lines: readonly Account[];
}

/** The accounts of the producers that were heard of last. */
export async function readAccounts(collections: Collections, limit: number): Promise<readonly KeptAccount[]> {
  const producers = await collections.producers.find({}, { sort: { seen: -1, _id: 1 }, limit }).toArray();
  const stored = await readStored(collections, producers);
  return producers.map(({ _id, account, amendment }) => {
    const line = account === undefined ? undefined : parseObject(account);
    const added = readAmendment(amendment);
    return {
      producer: _id,
      stored: stored.get(_id)?.intervals() ?? [],
      lines: [...(isLedgerLine(line) ? [line] : []), ...(added === undefined ? [] : [added])],
    };
  });
}

function isOlder(line: LedgerLine, known: LedgerLine): boolean {
  return line.emitted < known.emitted || (line.emitted === known.emitted && line.timestamp < known.timestamp);
}

function mergeAmendments(known: LedgerAmendment | undefined, line: LedgerAmendment): LedgerAmendment {
  return {
    ...line,
    timestamp: known !== undefined && known.timestamp > line.timestamp ? known.timestamp : line.timestamp,
    dropped: mergeLosses(known?.dropped ?? {}, line.dropped),
    dead: mergeLosses(known?.dead ?? {}, line.dead),
  };
}

function readAmendment(text: string | undefined): LedgerAmendment | undefined {
  const value = text === undefined ? undefined : parseObject(text);
  return isAmendment(value) ? value : undefined;
}

/** Whether this is a ledger line, as far as it takes to file it: the server checks it in full. */
export function isLedgerLine(value: unknown): value is LedgerLine {
  return hasOwner(value) && !('amends' in value) && 'emitted' in value && typeof value.emitted === 'number';
}

export function isAmendment(value: unknown): value is LedgerAmendment {
  return (
    hasOwner(value) &&
    'amends' in value &&
    'dead' in value &&
    typeof value.dead === 'object' &&
    value.dead !== null &&
    'dropped' in value &&
    typeof value.dropped === 'object' &&
    value.dropped !== null
  );
}

function hasOwner(value: unknown): value is { readonly producer: string; readonly timestamp: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'schema' in value &&
    value.schema === LEDGER_SCHEMA &&
    'producer' in value &&
    typeof value.producer === 'string' &&
    'timestamp' in value &&
    typeof value.timestamp === 'string'
  );
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
