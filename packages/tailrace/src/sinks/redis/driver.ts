/**
 * One connection to Redis that is made when it is needed, and made anew after it broke.
 *
 * The client's own way of reconnecting is switched off: it would hold commands back, or send them again. Here a command is
 * sent once; when the connection breaks under it, it rejects (it may have been carried out), and the next command opens a new
 * connection. Redis that is still reading its files in (`LOADING`) counts as not there yet: the command waits for it, within its time.
 */
import type { createClient } from '@redis/client';
import { BrokerError, messageOf, within } from '../broker-error.ts';
import { importDriver } from '../import-driver.ts';
import type { RedisArgument, RedisCommandOptions, RedisConnection } from './connection.ts';
import type { RedisSettings } from './options.ts';

type Client = ReturnType<typeof createClient>;
type CreateClient = (options: Parameters<typeof createClient>[0]) => Client;
export interface RedisDriver {
  readonly createClient: CreateClient;
}

const CONNECT_MS = 3000;
const LOADING_PAUSE_MS = 50;
/** RESP's type of byte strings: replies are wanted as bytes where lines are in them. */
const BLOB_STRING = 36;

/** @throws MissingDriverError */
export async function loadRedis(settings: RedisSettings): Promise<RedisDriver> {
  const module = await importDriver('@redis/client', settings.askedBy);
  for (const candidate of [module, fieldOf(module, 'default')]) {
    if (isDriver(candidate)) return candidate;
  }
  throw new TypeError('the package @redis/client has another shape than expected; version 5 or later is wanted');
}

function isDriver(module: unknown): module is RedisDriver {
  return typeof fieldOf(module, 'createClient') === 'function';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export function openConnection(settings: RedisSettings, driver: RedisDriver): RedisConnection {
  return new DriverConnection(settings, driver);
}

class DriverConnection implements RedisConnection {
  readonly #settings: RedisSettings;
  readonly #driver: RedisDriver;
  #client: Promise<Client> | undefined;
  /** Why the connection broke last. */
  #lastError: Error | undefined;
  #isClosed = false;
  epoch = 0;

  constructor(settings: RedisSettings, driver: RedisDriver) {
    this.#settings = settings;
    this.#driver = driver;
  }

  async command(args: readonly RedisArgument[], options: RedisCommandOptions): Promise<unknown> {
    return this.#run(options.timeoutMs, String(args[0]), (client) =>
      client.sendCommand<unknown>(
        [...args],
        options.asBytes === true ? { typeMapping: { [BLOB_STRING]: Buffer } } : {},
      ),
    );
  }

  async transaction(commands: readonly (readonly RedisArgument[])[], options: RedisCommandOptions): Promise<unknown> {
    return this.#run(options.timeoutMs, String(commands[0]?.[0]), (client) => {
      const multi = client.multi();
      for (const args of commands) multi.addCommand([...args]);
      return multi.exec();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  async #run<T>(timeoutMs: number, name: string, work: (client: Client) => Promise<T>): Promise<T> {
    const untilMs = performance.now() + timeoutMs;
    const late = (): Error =>
      new BrokerError('TIMEOUT', `Redis at ${this.#settings.address}: no answer to ${name} within ${timeoutMs} ms`);
    for (;;) {
      const leftMs = Math.max(1, untilMs - performance.now());
      try {
        const client = await within(leftMs, this.#connect(), late);
        return await within(Math.max(1, untilMs - performance.now()), work(client), late);
      } catch (error) {
        const failure = this.#toBrokerError(error, name);
        if (failure.code === 'UNREACHABLE' || failure.code === 'TIMEOUT') this.#drop();
        const isLoading = messageOf(error).startsWith('LOADING');
        if (!isLoading || performance.now() + LOADING_PAUSE_MS > untilMs || this.#isClosed) throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, LOADING_PAUSE_MS));
    }
  }

  #connect(): Promise<Client> {
    if (this.#isClosed) throw new BrokerError('UNREACHABLE', 'the connection to Redis is closed');
    if (this.#client === undefined) {
      const opened = this.#open();
      this.#client = opened;
      opened.catch(() => {
        if (this.#client === opened) this.#client = undefined;
      });
    }
    return this.#client;
  }

  async #open(): Promise<Client> {
    const { url, username, password, ca } = this.#settings;
    const client = this.#driver.createClient({
      url,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      socket: {
        connectTimeout: CONNECT_MS,
        reconnectStrategy: false,
        ...(ca !== undefined && url.startsWith('rediss:') && { tls: true, ca }),
      },
      RESP: 2,
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      disableClientInfo: true,
    });
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    try {
      await client.connect();
    } catch (error) {
      if (client.isOpen) client.destroy();
      throw error;
    }
    this.epoch += 1;
    this.#lastError = undefined;
    return client;
  }

  #drop(): void {
    const opened = this.#client;
    this.#client = undefined;
    opened?.then(
      (client) => {
        if (client.isOpen) client.destroy();
      },
      () => {},
    );
  }

  #toBrokerError(error: unknown, name: string): BrokerError {
    if (error instanceof BrokerError) return error;
    const said = messageOf(error);
    const where = `Redis at ${this.#settings.address}`;
    const make = (code: BrokerError['code'], text: string) =>
      new BrokerError(code, `${where}: ${text}`, { cause: error });
    if (/^OOM /.test(said) || /\bOOM command not allowed/.test(said)) {
      return make('FULL', `it is at its memory bound (maxmemory) and takes nothing now: ${said}`);
    }
    if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(said)) {
      return make('NOT_ALLOWED', `${name} is not allowed: ${said}; look at the user, the password and the ACLs`);
    }
    // A replica after a failover: the name leads to the new master when asked again.
    const isAnswer = /^[A-Z]{3,} /.test(said) && !/^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN) /.test(said);
    if (isAnswer) return make('FAILED', `${name} failed: ${said}`);
    const why =
      this.#lastError !== undefined && messageOf(this.#lastError) !== said ? `: ${messageOf(this.#lastError)}` : '';
    return make('UNREACHABLE', `${name} failed: ${said}${why}`);
  }
}
