import { type ClickHouseConnection, EVENTS_TABLE } from 'tailrace/sinks/clickhouse';
import type { StoreStats } from '../store.ts';

/** Numbers of the events' table: its parts are the segments. What its TTL took out, ClickHouse doesn't count. */
export async function readStats(connection: ClickHouseConnection): Promise<StoreStats> {
  const result = await connection.client.query({
    query:
      'SELECT sum(rows) AS events, count() AS segments, sum(bytes_on_disk) AS bytes FROM system.parts ' +
      'WHERE database = currentDatabase() AND table = {table:String} AND active',
    query_params: { table: EVENTS_TABLE },
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  const [row] = await result.json<{ events: number; segments: number; bytes: number }>();
  return {
    events: row?.events ?? 0,
    segments: row?.segments ?? 0,
    bytes: row?.bytes ?? 0,
    hotEvents: 0,
    quarantined: [],
    retired: { events: 0, bytes: 0 },
  };
}
