/**
 * The writing half of Redis Streams: one entry for each line, with the fields `id` (the event's id, or `ledger`) and `line`.
 *
 * The stream is never trimmed on the way in: a MAXLEN takes what nobody has read. When Redis is at `maxmemory` it refuses, and
 * the lines stay with whoever publishes. That holds only with `maxmemory-policy noeviction`; with another one, Redis may
 * throw the whole stream away, so that is told at once.
 */

import { findEventId, isLedgerLine } from '../../delivery/line-kinds.ts';
import { formatEventId } from '../../event.ts';
import { BrokerError, type BrokerPublisher, messageOf, type RefusedLine } from '../broker-error.ts';
import type { RedisArgument, RedisConnection } from './connection.ts';
import type { RedisSettings } from './options.ts';

/** Bounds of one transaction. */
const CHUNK_BYTES = 1024 * 1024;
const CHUNK_LINES = 512;
/** What may wait here at once, in bytes. */
const WAITING_BYTES = 64 * 1024 * 1024;

export class RedisPublisher implements BrokerPublisher {
  readonly #settings: RedisSettings;
  readonly #connection: RedisConnection;
  readonly #notice: (code: string, message: string) => void;
  #checkedEpoch = 0;
  #waitingBytes = 0;

  constructor(
    settings: RedisSettings,
    connection: RedisConnection,
    notice: (code: string, message: string) => void = () => {},
  ) {
    this.#settings = settings;
    this.#connection = connection;
    this.#notice = notice;
  }

  async publish(lines: readonly (string | Buffer)[]): Promise<readonly RefusedLine[]> {
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES) {
      throw new BrokerError('FULL', `${this.#waitingBytes} bytes wait for Redis already: it takes less than comes in`);
    }
    this.#waitingBytes += bytes;
    try {
      // On one connection, answers come in the order of the commands: the chunks need not wait for each other.
      await Promise.all([...chunksOf(lines)].map((chunk) => this.#add(chunk)));
    } finally {
      this.#waitingBytes -= bytes;
    }
    this.#checkServer();
    return [];
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #add(lines: readonly (string | Buffer)[]): Promise<void> {
    const { stream, createStream, publishTimeoutMs, address } = this.#settings;
    const head = createStream ? ['XADD', stream] : ['XADD', stream, 'NOMKSTREAM'];
    const commands = lines.map((line): RedisArgument[] => [...head, '*', 'id', entryId(line), 'line', line]);
    const replies = await this.#connection.transaction(commands, { timeoutMs: publishTimeoutMs });
    if (!Array.isArray(replies) || replies.length !== lines.length) {
      throw new BrokerError('FAILED', `Redis at ${address}: XADD was answered in a way that nobody expects`);
    }
    if (replies.includes(null)) {
      throw new BrokerError(
        'MISSING',
        `Redis at ${address}: there is no stream ${stream}, and createStream is false; make it: XGROUP CREATE ${stream} tailrace-writers 0 MKSTREAM`,
      );
    }
  }

  /** Once for each connection: does this Redis keep what it takes? */
  #checkServer(): void {
    const { epoch } = this.#connection;
    if (epoch === this.#checkedEpoch) return;
    this.#checkedEpoch = epoch;
    const { address, publishTimeoutMs } = this.#settings;
    const tell = (info: string): void => {
      const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
      const bound = /^maxmemory:(\d+)/m.exec(info)?.[1];
      if (policy?.startsWith('allkeys') === true && bound !== '0') {
        this.#notice(
          'redis_evicts',
          `Redis at ${address} has maxmemory-policy ${policy}: at its bound it throws the queue away; set noeviction`,
        );
      }
      if (/^aof_enabled:0/m.test(info)) {
        this.#notice(
          'redis_not_durable',
          `Redis at ${address} writes no append-only file: what waits in the queue is lost when it ends; set appendonly yes`,
        );
      }
    };
    this.#connection.command(['INFO'], { timeoutMs: publishTimeoutMs }).then(
      (info) => tell(String(info)),
      (error: unknown) => {
        // A user without the right to INFO may still publish.
        if (error instanceof BrokerError && error.code === 'NOT_ALLOWED') return;
        this.#notice('redis_unknown', `Redis at ${address} can't be asked for its settings: ${messageOf(error)}`);
      },
    );
  }
}

function entryId(line: string | Buffer): string {
  const bytes = typeof line === 'string' ? Buffer.from(line) : line;
  if (isLedgerLine(bytes)) return 'ledger';
  const id = findEventId(bytes);
  return id === undefined ? '' : formatEventId(id.producer, id.sequence);
}

function* chunksOf(lines: readonly (string | Buffer)[]): Generator<readonly (string | Buffer)[]> {
  let chunk: (string | Buffer)[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (chunk.length > 0 && (bytes + line.length > CHUNK_BYTES || chunk.length >= CHUNK_LINES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(line);
    bytes += line.length;
  }
  if (chunk.length > 0) yield chunk;
}
