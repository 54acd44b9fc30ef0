/**
 * The ledger that all writers of one ClickHouse share. The stored numbers are bitmaps, united by ClickHouse; a healthy producer
 * is one interval, which its smallest number, largest number and count tell. Only where there are holes the
 * numbers themselves are looked at, in pages.
 */
import { type LedgerAmendment, type LedgerLine, SequenceSet } from 'tailrace/ledger';
import {
  type ClickHouseConnection,
  insertLedger,
  LEDGER_TABLE,
  lineOfEntry,
  PRODUCERS_TABLE,
  toLedgerEntry,
} from 'tailrace/sinks/clickhouse';
import { checkLedgerLine } from '../../sources/ledger-line.ts';
import type { SharedLedger, StoredAccount } from '../store.ts';
import { readQueueNotes, writeQueueNote } from './queue-notes.ts';
import type { Row } from './read-rows.ts';

/** Numbers that are looked at in one go. */
const PAGE = 1_000_000;

export function sharedLedger(connection: ClickHouseConnection, clock: () => number): SharedLedger {
  const read = async (query: string, values: Record<string, unknown>): Promise<readonly Row[]> => {
    const result = await connection.client.query({
      query,
      query_params: values,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, wait_end_of_query: 1 },
    });
    return result.json<Record<string, unknown>>();
  };

  async function readSets(producers: readonly string[]): Promise<ReadonlyMap<string, SequenceSet>> {
    const sets = new Map<string, SequenceSet>();
    const rows = await read(
      `SELECT producer, bitmapCardinality(numbers) AS size, bitmapMin(numbers) AS low, bitmapMax(numbers) AS high FROM (${UNITED})`,
      { producers },
    );
    for (const row of rows) {
      const [size, low, high] = [Number(row.size), Number(row.low), Number(row.high)];
      const producer = String(row.producer);
      if (size === 0) continue;
      const isWhole = size === high - low + 1;
      sets.set(producer, isWhole ? new SequenceSet([[low, high]]) : await readIntervals(producer, low, high));
    }
    return sets;
  }

  async function readIntervals(producer: string, low: number, high: number): Promise<SequenceSet> {
    const set = new SequenceSet();
    for (let from = low; from <= high; ) {
      const [row] = await read(
        'WITH arraySort(bitmapToArray(bitmapSubsetLimit(numbers, {from:UInt64}, {page:UInt64}))) AS page, ' +
          'arrayDifference(page) AS steps ' +
          'SELECT arrayFilter((number, step) -> step != 1, page, steps) AS starts, ' +
          'arrayFilter((number, step) -> step != 1, page, arrayPushBack(arrayPopFront(steps), 0)) AS ends ' +
          `FROM (${UNITED})`,
        { producers: [producer], from, page: PAGE },
      );
      const [starts, ends] = [row?.starts, row?.ends];
      if (!Array.isArray(starts) || !Array.isArray(ends) || starts.length === 0) break;
      starts.forEach((start, i) => {
        set.addRange(Number(start), Number(ends[i]));
      });
      from = set.last + 1;
    }
    return set;
  }

  async function readLines(
    producers: readonly string[],
  ): Promise<ReadonlyMap<string, (LedgerLine | LedgerAmendment)[]>> {
    const lines = new Map<string, (LedgerLine | LedgerAmendment)[]>();
    const rows = await read(
      `SELECT producer, slot, max(entry) AS latest FROM ${LEDGER_TABLE} WHERE producer IN {producers:Array(String)} GROUP BY producer, slot ORDER BY producer, slot`,
      { producers },
    );
    for (const row of rows) {
      const checked = checkLedgerLine(JSON.parse(lineOfEntry(String(row.latest))));
      if (checked.kind !== 'ledger') continue;
      const known = lines.get(String(row.producer));
      if (known === undefined) lines.set(String(row.producer), [checked.ledger]);
      else known.push(checked.ledger);
    }
    return lines;
  }

  return {
    note: async (lines) => {
      const entries = lines.flatMap((line) => toLedgerEntry({ ...line }) ?? []);
      await insertLedger(connection, entries, clock());
    },
    accounts: (limit) =>
      connection.withTables(async (): Promise<readonly StoredAccount[]> => {
        const heard = await read(
          `SELECT producer FROM (SELECT producer, heard FROM ${PRODUCERS_TABLE} UNION ALL SELECT producer, heard FROM ${LEDGER_TABLE}) ` +
            'GROUP BY producer ORDER BY max(heard) DESC, producer DESC LIMIT {limit:UInt64}',
          { limit },
        );
        const producers = heard.map(({ producer }) => String(producer));
        if (producers.length === 0) return [];
        const [sets, lines] = [await readSets(producers), await readLines(producers)];
        return producers.map((producer) => ({
          producer,
          stored: sets.get(producer)?.intervals() ?? [],
          lines: lines.get(producer) ?? [],
        }));
      }),
    noteQueue: (note) => connection.withTables(() => writeQueueNote(connection, note)),
    queueNotes: () => connection.withTables(() => readQueueNotes(connection)),
  };
}

const UNITED = `SELECT producer, groupBitmapMergeState(stored) AS numbers FROM ${PRODUCERS_TABLE} WHERE producer IN {producers:Array(String)} GROUP BY producer`;
