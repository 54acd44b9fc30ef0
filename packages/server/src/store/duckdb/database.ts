/** The DuckDB instance of a store: one per process and folder, in memory, shut in its folder. */
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { QueryError } from '../../query/query-error.ts';
import { quoteText } from '../../query/sql-text.ts';
import { cancelled } from '../query-gate.ts';

export interface DatabaseOptions {
  readonly directory: string;
  readonly memoryLimit: string;
  readonly threads: number;
}

export type Row = Readonly<Record<string, unknown>>;

export class Database {
  readonly #instance: DuckDBInstance;
  /** What connects, or works on a connection of its own. */
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(options.threads),
      memory_limit: options.memoryLimit,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    try {
      const settings = [
        "SET TimeZone = 'UTC'",
        'SET preserve_insertion_order = false',
        'SET parquet_metadata_cache = true',
        // A segment never changes under its name: asking the file system at each query whether it did takes half of the opening.
        "SET validate_external_file_cache = 'NO_VALIDATION'",
        // It finds the rows of an ordered answer first and the rest by their numbers, over every file and row group: run-events.ts
        // does the same by what lets both be skipped, in half the time.
        "SET disabled_optimizers = 'late_materialization'",
        `SET temp_directory = ${quoteText(join(options.directory, 'tmp', 'spill'))}`,
        "SET max_temp_directory_size = '8GB'",
        `SET allowed_directories = [${quoteText(options.directory)}]`,
        'SET enable_external_access = false',
        'SET lock_configuration = true',
      ];
      for (const setting of settings) await connection.run(setting);
    } finally {
      connection.closeSync();
    }
    return new Database(instance);
  }

  connect(): Promise<DuckDBConnection> {
    return this.#watch(() => this.#instance.connect());
  }

  /** Runs statements on a connection of their own, and closes it. */
  with<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#watch(async () => {
      const connection = await this.#instance.connect();
      try {
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    });
  }

  /** Begins nothing more, and closes when what is under way is over: DuckDB takes the process along that connects meanwhile. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    this.#instance.closeSync();
  }

  async #watch<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error('the database is closed');
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }
}

export async function readRows(connection: DuckDBConnection, sql: string, values: DuckDBValue[] = []): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowObjectsJS();
}

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Out of Memory Error');
}

/**
 * Runs work whose statements stop when time is over or the signal fires.
 *
 * @throws QueryError `QUERY_TIMEOUT` or `QUERY_CANCELLED`
 */
export async function withInterrupt<T>(
  connection: DuckDBConnection,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let stopped: QueryError | undefined;
  const stop = (reason: QueryError): void => {
    stopped ??= reason;
    connection.interrupt();
  };
  const onAbort = (): void => stop(cancelled());
  // Interrupting between two statements has no effect on the next, so it is repeated until the work has ended.
  const timer = setInterval(() => stop(stopped ?? timeout(timeoutMs)), timeoutMs);
  const repeat = setInterval(() => stopped && connection.interrupt(), 50);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) throw cancelled();
    const result = await work();
    if (stopped !== undefined) throw stopped;
    return result;
  } catch (error) {
    throw stopped ?? error;
  } finally {
    clearInterval(timer);
    clearInterval(repeat);
    signal?.removeEventListener('abort', onAbort);
  }
}

function timeout(timeoutMs: number): QueryError {
  return new QueryError(
    'QUERY_TIMEOUT',
    `the query took longer than ${timeoutMs} ms and was stopped`,
    undefined,
    'take a shorter range, or filter by a known field such as service or route',
  );
}
