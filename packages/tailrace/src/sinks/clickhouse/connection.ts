/**
 * A connection to ClickHouse: its driver, imported when the first connection is made, and the tables, which are made
 * before they are first used. ClickHouse is spoken to over HTTP, so a server that was away is simply there again.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import { importDriver } from '../import-driver.ts';
import { codeOf } from './faults.ts';
import type { ClickHouseTarget } from './options.ts';
import { prepareTables } from './tables.ts';

type Driver = Pick<typeof import('@clickhouse/client'), 'createClient' | 'ClickHouseLogLevel'>;

const UNKNOWN_TABLE = 60;
const UNKNOWN_DATABASE = 81;

/** @throws MissingDriverError where `@clickhouse/client` isn't installed. */
export async function connect(target: ClickHouseTarget): Promise<ClickHouseConnection> {
  const driver = await importDriver('@clickhouse/client', target.askedBy);
  if (!isDriver(driver))
    throw new TypeError('the package @clickhouse/client has no createClient: install version 1.12 or later');
  return new ClickHouseConnection(target, driver);
}

export class ClickHouseConnection {
  readonly target: ClickHouseTarget;
  readonly client: ClickHouseClient;
  readonly #driver: Driver;
  #prepared: Promise<void> | undefined;

  constructor(target: ClickHouseTarget, driver: Driver) {
    this.target = target;
    this.#driver = driver;
    this.client = this.#createClient(target.database);
  }

  /** Does work on tables that are there: made if they are missing, and made anew if somebody has dropped them. */
  async withTables<T>(work: () => Promise<T>): Promise<T> {
    await this.prepare();
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (code !== UNKNOWN_TABLE && code !== UNKNOWN_DATABASE) throw error;
      this.#prepared = undefined;
      await this.prepare();
      return work();
    }
  }

  /** Makes what is missing of the database and its tables. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  close(): Promise<void> {
    return this.client.close();
  }

  async #prepare(): Promise<void> {
    try {
      await prepareTables(this.client, this.target.retentionDays);
    } catch (error) {
      if (codeOf(error) !== UNKNOWN_DATABASE) throw error;
      await this.#createDatabase();
      await prepareTables(this.client, this.target.retentionDays);
    }
  }

  async #createDatabase(): Promise<void> {
    const client = this.#createClient('default');
    try {
      await client.command({
        query: 'CREATE DATABASE IF NOT EXISTS {database:Identifier}',
        query_params: { database: this.target.database },
      });
    } finally {
      await client.close();
    }
  }

  #createClient(database: string): ClickHouseClient {
    const { origin, username, password, timeoutMs, compress } = this.target;
    return this.#driver.createClient({
      url: origin,
      username,
      password,
      database,
      application: 'tailrace',
      // It would write every failed request to stderr; what failed is told by whoever asked.
      log: { level: this.#driver.ClickHouseLogLevel.OFF },
      request_timeout: timeoutMs,
      max_open_connections: 10,
      compression: { request: compress, response: false },
      // A search may be longer than what an address may hold.
      use_multipart_params_auto: true,
    });
  }
}

function isDriver(driver: unknown): driver is Driver {
  return typeof driver === 'object' && driver !== null && 'createClient' in driver && 'ClickHouseLogLevel' in driver;
}
