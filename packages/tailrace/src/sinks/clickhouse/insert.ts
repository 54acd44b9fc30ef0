/** Lines into the tables. What is written twice is there once, so every insert may be tried again. */
import { createHash } from 'node:crypto';
import type { ClickHouseConnection } from './connection.ts';
import type { ClickHouseRow } from './row.ts';
import { EVENTS_TABLE, LEDGER_TABLE } from './tables.ts';

/** Settings of every insert. It is answered when its rows are stored, and not when they wait in memory. */
const SETTINGS = {
  async_insert: 0,
  wait_end_of_query: 1,
  insert_deduplicate: 1,
  // A retry also feeds the views, where the first try fell between the table and them.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // Events that come days late, or with a wrong clock, are no reason to refuse a batch.
  max_partitions_per_insert_block: '0',
  precise_float_parsing: 1,
} as const;

/**
 * Inserts events.
 *
 * @param batchId the same for the same rows: a retry with it changes nothing
 */
export async function insertEvents(
  connection: ClickHouseConnection,
  rows: readonly ClickHouseRow[],
  batchId: string,
  signal?: AbortSignal,
): Promise<void> {
  await insert(connection, EVENTS_TABLE, rows, { ...SETTINGS, insert_deduplication_token: batchId }, signal);
}

/** Inserts accounts of producers. Of one producer the latest stays, and every amendment. */
export async function insertLedger(
  connection: ClickHouseConnection,
  entries: readonly LedgerEntry[],
  nowMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const heard = new Date(nowMs).toISOString().replace('T', ' ').slice(0, -1);
  const rows = entries.map((entry) => ({ ...entry, heard }));
  await insert(connection, LEDGER_TABLE, rows, SETTINGS, signal);
}

/** A ledger line as a row. Of the entries in a slot the greatest stays. */
export interface LedgerEntry {
  readonly producer: string;
  readonly slot: string;
  readonly entry: string;
}

/**
 * An account begins with what makes it a later one; an amendment has a slot of its own, by what it says.
 *
 * @param line the line, taken apart
 * @returns undefined where it is no ledger line
 */
export function toLedgerEntry(line: Readonly<Record<string, unknown>>): LedgerEntry | undefined {
  const { producer, timestamp, emitted } = line;
  if (typeof producer !== 'string' || typeof timestamp !== 'string') return undefined;
  const text = JSON.stringify(line);
  if (line.amends === true) {
    const said = JSON.stringify([line.dropped, line.dead]);
    return { producer, slot: batchIdOf([Buffer.from(said)]), entry: text };
  }
  if (typeof emitted !== 'number') return undefined;
  return { producer, slot: '', entry: `${String(emitted).padStart(16, '0')} ${timestamp} ${text}` };
}

/** The line of an entry. */
export function lineOfEntry(entry: string): string {
  return entry.slice(entry.indexOf('{'));
}

async function insert(
  connection: ClickHouseConnection,
  table: string,
  values: readonly ClickHouseRow[],
  settings: Readonly<Record<string, string | number>>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (values.length === 0) return;
  await connection.withTables(() =>
    connection.client.insert({
      table,
      values: [...values],
      format: 'JSONEachRow',
      clickhouse_settings: settings,
      ...(signal === undefined ? {} : { abort_signal: signal }),
    }),
  );
}

/** Tells a batch from any other by its content. */
export function batchIdOf(lines: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line).update('\n');
  return hash.digest('base64url');
}
