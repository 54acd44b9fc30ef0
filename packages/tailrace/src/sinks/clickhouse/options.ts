/** Where a ClickHouse is, and how events are kept in it. */

export interface ClickHouseOptions {
  /**
   * Address of its HTTP interface, with user, password and database if you like:
   * `http://user:secret@clickhouse:8123/logs`.
   */
  readonly url: string;
  /** @defaultValue the user of the address, else `default` */
  readonly username?: string;
  /** @defaultValue the password of the address, else none */
  readonly password?: string;
  /** Made where it is missing and the user may. @defaultValue the path of the address, else `default` */
  readonly database?: string;
  /**
   * Days that events are kept in tables that are made now; tables that are there keep what they have.
   * @defaultValue 30
   */
  readonly retentionDays?: number;
  /** After this many milliseconds without an answer a request has failed. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** Compresses what is sent with gzip: for a network that is slower than the processor. @defaultValue false */
  readonly compress?: boolean;
  /** Names the sink in metrics and messages. @defaultValue `clickhouse` */
  readonly name?: string;
  /** The setting that chose ClickHouse, for messages. @defaultValue `the clickhouse sink` */
  readonly askedBy?: string;
}

/** The options, checked, with the address taken apart. */
export interface ClickHouseTarget {
  /** Without credentials and path. */
  readonly origin: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  readonly retentionDays: number;
  readonly timeoutMs: number;
  readonly compress: boolean;
  readonly askedBy: string;
}

/** ClickHouse works out when an event may go in seconds of 32 bits. */
export const MAX_RETENTION_DAYS = 12_000;

/** @throws TypeError where the address can't be called, or the retention is no number of days. */
export function readTarget(options: ClickHouseOptions): ClickHouseTarget {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const given = url === undefined ? '' : `: it begins with ${url.protocol}//`;
    throw new TypeError(`the address of ClickHouse must be one such as http://127.0.0.1:8123/logs${given}`);
  }
  const retentionDays = options.retentionDays ?? 30;
  if (!(retentionDays > 0 && retentionDays <= MAX_RETENTION_DAYS))
    throw new TypeError(`retentionDays must be from 1 to ${MAX_RETENTION_DAYS}, and is ${retentionDays}`);
  return {
    origin: url.origin,
    username: options.username ?? (decodeURIComponent(url.username) || 'default'),
    password: options.password ?? decodeURIComponent(url.password),
    database: options.database ?? (decodeURIComponent(url.pathname.replace(/^\/+|\/+$/g, '')) || 'default'),
    retentionDays,
    timeoutMs: options.timeoutMs ?? 30_000,
    compress: options.compress ?? false,
    askedBy: options.askedBy ?? 'the clickhouse sink',
  };
}
