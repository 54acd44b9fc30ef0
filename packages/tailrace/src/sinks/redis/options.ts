/** What a connection to Redis can be told, checked as a whole before anything is loaded. */

/** Plain data: it survives the way to the delivery worker. */
export interface RedisOptions {
  /**
   * `redis://user:password@host:port/database`, or `rediss://` for TLS. Never printed with its password.
   * @defaultValue `redis://127.0.0.1:6379`
   */
  readonly url?: string;
  /** In place of those in the URL. */
  readonly username?: string;
  readonly password?: string;
  /** Certificates of the authorities to trust with `rediss://`, PEM. @defaultValue those of Node */
  readonly ca?: string;
  /** The key of the stream. @defaultValue `tailrace-events` */
  readonly stream?: string;
  /** Make the stream (and the reader's group) where it isn't there. @defaultValue true */
  readonly createStream?: boolean;
  /** The longest that publishing may take before it fails, in milliseconds. @defaultValue 5000 */
  readonly publishTimeoutMs?: number;
  /** Names the sink in metrics and messages. @defaultValue `redis` */
  readonly name?: string;
  /** The setting or variable that asked for Redis: a message about a missing driver names it. @defaultValue `the redis sink` */
  readonly askedBy?: string;
}

/** The options with everything filled in. */
export interface RedisSettings {
  readonly url: string;
  /** `host:port`, for messages. */
  readonly address: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ca: string | undefined;
  readonly stream: string;
  readonly createStream: boolean;
  readonly publishTimeoutMs: number;
  readonly name: string;
  readonly askedBy: string;
}

const TEXTS = ['url', 'username', 'password', 'ca', 'stream', 'name', 'askedBy'] as const;
const OPTIONS: readonly string[] = [...TEXTS, 'createStream', 'publishTimeoutMs'];

/** @throws TypeError naming every option that is wrong. A password is never part of it. */
export function readRedisOptions(given: unknown): RedisSettings {
  const options: Readonly<Record<string, unknown>> = typeof given === 'object' && given !== null ? { ...given } : {};
  const faults: string[] = [];
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) faults.push(`${name} is not an option; the options are ${OPTIONS.join(', ')}`);
  }
  const text = (name: (typeof TEXTS)[number]): string | undefined => {
    const value = options[name];
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    faults.push(`${name} must be a text that isn't empty`);
    return undefined;
  };
  const url = text('url') ?? 'redis://127.0.0.1:6379';
  const { createStream = true, publishTimeoutMs = 5000 } = options;
  if (typeof createStream !== 'boolean') faults.push('createStream must be true or false');
  if (typeof publishTimeoutMs !== 'number' || !(publishTimeoutMs > 0)) {
    faults.push(`publishTimeoutMs must be a number above 0, and is ${JSON.stringify(publishTimeoutMs)}`);
  }
  const settings: RedisSettings = {
    url,
    address: readAddress(url, faults),
    username: text('username'),
    password: text('password'),
    ca: text('ca'),
    stream: text('stream') ?? 'tailrace-events',
    createStream: createStream === true,
    publishTimeoutMs: Number(publishTimeoutMs),
    name: text('name') ?? 'redis',
    askedBy: text('askedBy') ?? 'the redis sink',
  };
  if (faults.length > 0) throw new TypeError(`redis: ${faults.join('; ')}`);
  return settings;
}

/** Host and port only: the rest of the URL may hold a password. */
function readAddress(url: string, faults: string[]): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '') {
    faults.push('url must be redis://host:port or rediss://host:port');
    return '';
  }
  return `${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}`;
}
