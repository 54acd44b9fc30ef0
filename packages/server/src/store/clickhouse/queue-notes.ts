/**
 * What the processes that see the queue tell the others: the last note of each, in the table `tailrace_queues`. It is the
 * server's alone, so the library, which makes the other tables, knows nothing of it. ClickHouse's clock says when one is old.
 */
import { type ClickHouseConnection, codeOf } from 'tailrace/sinks/clickhouse';
import type { QueueNote } from '../store.ts';

const TABLE = 'tailrace_queues';
const UNKNOWN_TABLE = 60;
const MAX_NOTES = 1000;
/** In place of a NULL, which `argMax` would pass over. */
const NOT_KNOWN = -1;

const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (
  process String,
  number UInt64,
  behind_ms Int64,
  heard DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(number) ORDER BY process
TTL toDateTime(heard) + toIntervalDay(1)`;

const LAST_NOTES =
  `SELECT process, max(number) AS latest, argMax(behind_ms, number) AS behind FROM ${TABLE} ` +
  'WHERE heard > now() - toIntervalDay(1) GROUP BY process ORDER BY max(heard) DESC LIMIT {limit:UInt64}';

export async function writeQueueNote(connection: ClickHouseConnection, note: QueueNote): Promise<void> {
  const { process, number, behindMs = NOT_KNOWN } = note;
  const insert = () =>
    connection.client.insert({
      table: TABLE,
      values: [{ process, number, behind_ms: behindMs }],
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
    });
  try {
    await insert();
  } catch (error) {
    if (codeOf(error) !== UNKNOWN_TABLE) throw error;
    await connection.client.command({ query: CREATE });
    await insert();
  }
}

export async function readQueueNotes(connection: ClickHouseConnection): Promise<readonly QueueNote[]> {
  try {
    const result = await connection.client.query({
      query: LAST_NOTES,
      query_params: { limit: MAX_NOTES },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, wait_end_of_query: 1 },
    });
    const rows = await result.json<Record<string, unknown>>();
    return rows.map(({ process, latest, behind }) => ({
      process: String(process),
      number: Number(latest),
      behindMs: Number(behind) === NOT_KNOWN ? undefined : Number(behind),
    }));
  } catch (error) {
    // Whoever tells something first makes the table.
    if (codeOf(error) === UNKNOWN_TABLE) return [];
    throw error;
  }
}
