/**
 * What a server adds to the table of events: a TTL that follows its setting, and columns for promoted attributes.
 *
 * A promoted attribute is a materialised column: ClickHouse writes it from the map, whoever inserts, and for older parts works it
 * out when they are read. So both give the same value for every event, and nobody has to wait for a rewrite.
 */
import {
  type ClickHouseConnection,
  EVENTS_TABLE,
  PROMOTED_PREFIX,
  quoteName,
  quoteString,
  ttlSql,
} from 'tailrace/sinks/clickhouse';
import { isEventField } from '../../query/search-node.ts';

export interface TableState {
  /** How long events stay, `undefined` where they stay for ever. */
  readonly retentionMs: number | undefined;
  /** Columns of promoted attributes, by the attribute. */
  readonly promoted: ReadonlyMap<string, string>;
}

const TTL_SECONDS = /TTL .*toIntervalSecond\((\d+)\)/s;

/**
 * @param maxAgeMs how long events are to stay; `undefined` leaves that as it is
 * @param promote attributes that are to have a column
 */
export async function prepareEvents(
  connection: ClickHouseConnection,
  maxAgeMs: number | undefined,
  promote: readonly string[],
): Promise<TableState> {
  await connection.prepare();
  const found = await readState(connection);
  const missing = promote.filter((name) => !isEventField(name) && !found.promoted.has(name));
  for (const name of missing) {
    const column = quoteName(`${PROMOTED_PREFIX}${name}`);
    await connection.client.command({
      query: `ALTER TABLE ${EVENTS_TABLE} ADD COLUMN IF NOT EXISTS ${column} String MATERIALIZED attributes[${quoteString(name)}] CODEC(ZSTD(1))`,
    });
  }
  if (maxAgeMs !== undefined && Math.ceil(maxAgeMs / 1_000) * 1_000 !== found.retentionMs) {
    const change = Number.isFinite(maxAgeMs) ? `MODIFY TTL ${ttlSql(maxAgeMs / 1_000)}` : 'REMOVE TTL';
    const isDone = !Number.isFinite(maxAgeMs) && found.retentionMs === undefined;
    if (!isDone) await connection.client.command({ query: `ALTER TABLE ${EVENTS_TABLE} ${change}` });
  }
  return readState(connection);
}

async function readState({ client }: ClickHouseConnection): Promise<TableState> {
  const tables = await client.query({
    query:
      'SELECT create_table_query AS query FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    query_params: { table: EVENTS_TABLE },
    format: 'JSONEachRow',
  });
  const [table] = await tables.json<{ query: string }>();
  const seconds = TTL_SECONDS.exec(table?.query ?? '')?.[1];
  const columns = await client.query({
    query:
      'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} AND startsWith(name, {prefix:String})',
    query_params: { table: EVENTS_TABLE, prefix: PROMOTED_PREFIX },
    format: 'JSONEachRow',
  });
  const names = (await columns.json<{ name: string }>()).map(({ name }) => name);
  return {
    retentionMs: seconds === undefined ? undefined : Number(seconds) * 1_000,
    promoted: new Map(names.map((name) => [name.slice(PROMOTED_PREFIX.length), quoteName(name)])),
  };
}
