import { DuckDBInstance } from '@duckdb/node-api';

/** The ids in the Parquet files of a server that has ended, read as any other program would read them. */
export async function readStoredIds(serverDataDir: string): Promise<readonly string[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const pattern = `${serverDataDir}/store/segments/**/*.parquet`;
    const result = await connection.runAndReadAll('SELECT event_id FROM read_parquet($1, union_by_name = true)', [
      pattern,
    ]);
    return result.getRows().map(([id]) => String(id));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
