/** The attributes that events have, from the counts that a view keeps: never a scan. */
import { type ClickHouseConnection, FIELDS_TABLE } from 'tailrace/sinks/clickhouse';
import type { FieldInfo } from '../store.ts';
import type { KnownFields } from '../unknown-fields.ts';

export interface FoundFields extends KnownFields {
  /** Most often present first. */
  readonly fields: readonly FieldInfo[];
}

/** Beyond this many names the rarest aren't told. */
const MAX_NAMES = 2_000;
/** What other writers add is known after this time. */
const MAX_AGE_MS = 5_000;

export class FieldNames {
  readonly #connection: ClickHouseConnection;
  #found: Promise<FoundFields> | undefined;
  #atMs = 0;

  constructor(connection: ClickHouseConnection) {
    this.#connection = connection;
  }

  read(): Promise<FoundFields> {
    const nowMs = performance.now();
    if (this.#found === undefined || nowMs - this.#atMs > MAX_AGE_MS) {
      this.#atMs = nowMs;
      this.#found = readFields(this.#connection);
      this.#found.catch(() => this.forget());
    }
    return this.#found;
  }

  /** Something was written: what is known is out of date. */
  forget(): void {
    this.#found = undefined;
  }
}

async function readFields(connection: ClickHouseConnection): Promise<FoundFields> {
  const result = await connection.withTables(() =>
    connection.client.query({
      query:
        'SELECT name, max(all) AS total, argMax(type, n) AS commonest, sum(n) AS events FROM ' +
        `(SELECT name, type, sum(events) AS n FROM ${FIELDS_TABLE} WHERE type != 'event' GROUP BY name, type) AS counts, ` +
        `(SELECT sum(events) AS all FROM ${FIELDS_TABLE} WHERE type = 'event') AS everything ` +
        'GROUP BY name ORDER BY events DESC, name LIMIT {limit:UInt64}',
      query_params: { limit: MAX_NAMES + 1 },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, wait_end_of_query: 1 },
    }),
  );
  const rows = await result.json<{ name: string; total: number; commonest: string; events: number }>();
  const fields = rows.slice(0, MAX_NAMES).map(({ name, total, commonest, events }) => ({
    name,
    type: typeOf(commonest),
    // A retry after a crash may have been counted twice.
    presence: total === 0 ? 0 : Math.min(1, events / total),
  }));
  const names = new Set(fields.map(({ name }) => name));
  return { fields, truncated: rows.length > MAX_NAMES, has: (name) => names.has(name), names: () => names };
}

function typeOf(type: string): FieldInfo['type'] {
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'json';
}
