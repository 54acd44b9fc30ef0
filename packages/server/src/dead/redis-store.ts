/**
 * Dead letters in Redis: the stream `<topic>:dead`, one entry a letter with the fields `id` and `letter`, and beside it the
 * hash `<topic>:dead:index`, which says which entry holds which letter, how many bytes each has, and how many all have.
 *
 * An entry of a stream can't be changed: what is changed is a new entry, and the old one goes. Both, and the hash, are done
 * in one script, so that nobody sees half of it and two servers may do it at the same time. A Redis that is away rejects what
 * is asked of it.
 */
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import { openRedisConnections, type RedisConnection, type RedisOptions } from 'tailrace/sinks/redis';
import { readEntries } from '../queue/redis-replies.ts';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';

/** KEYS: stream, index. ARGV: id, bytes, letter, for each letter. */
const PUT = `
local added = 0
for i = 1, #ARGV, 3 do
  local before = redis.call('HGET', KEYS[2], ARGV[i])
  local entry = redis.call('XADD', KEYS[1], '*', 'id', ARGV[i], 'letter', ARGV[i + 2])
  if before then
    local old, bytes = string.match(before, '^(%S+) (%d+)$')
    redis.call('XDEL', KEYS[1], old)
    added = added - tonumber(bytes)
  end
  redis.call('HSET', KEYS[2], ARGV[i], entry .. ' ' .. ARGV[i + 1])
  added = added + tonumber(ARGV[i + 1])
end
redis.call('HINCRBY', KEYS[2], '#bytes', added)
return #ARGV / 3`;

/** KEYS: stream, index. ARGV: ids. */
const REMOVE = `
local removed = 0
local freed = 0
for i = 1, #ARGV do
  local before = redis.call('HGET', KEYS[2], ARGV[i])
  if before then
    local old, bytes = string.match(before, '^(%S+) (%d+)$')
    redis.call('XDEL', KEYS[1], old)
    redis.call('HDEL', KEYS[2], ARGV[i])
    removed = removed + 1
    freed = freed + tonumber(bytes)
  end
end
if freed > 0 then redis.call('HINCRBY', KEYS[2], '#bytes', -freed) end
return removed`;

/** A letter holds at most a mebibyte or so: these many are at hand at once. */
const PART_LETTERS = 200;
const SCRIPT_LETTERS = 100;

export async function openRedisStore(
  options: RedisOptions,
  log: (level: 'warn', message: string) => void = () => {},
): Promise<DeadLetterStore> {
  const { settings, connect, publisher } = await openRedisConnections(options, (_, message) => log('warn', message));
  const connection = connect();
  return new RedisStore(connection, settings.stream, settings.publishTimeoutMs, async () => {
    connection.close();
    await publisher.close();
  });
}

class RedisStore implements DeadLetterStore {
  readonly kind = 'redis';
  readonly #connection: RedisConnection;
  readonly #stream: string;
  readonly #index: string;
  readonly #timeoutMs: number;
  readonly close: () => Promise<void>;

  constructor(connection: RedisConnection, topic: string, timeoutMs: number, close: () => Promise<void>) {
    this.#connection = connection;
    this.#stream = `${topic}:dead`;
    this.#index = `${topic}:dead:index`;
    this.#timeoutMs = timeoutMs;
    this.close = close;
  }

  async put(letters: readonly DeadLetter[]): Promise<void> {
    for (const part of partsOf(letters, SCRIPT_LETTERS)) {
      const args = part.flatMap((letter) => {
        const text = encodeDeadLetter(letter);
        return [letter.id, String(Buffer.byteLength(text)), text];
      });
      await this.#run(PUT, args);
    }
  }

  async *scan(): AsyncGenerator<readonly DeadLetter[]> {
    for (let from = '-'; ; ) {
      const reply = await this.#command(['XRANGE', this.#stream, from, '+', 'COUNT', String(PART_LETTERS)]);
      const entries = readEntries(reply);
      const last = entries.at(-1);
      if (last === undefined) return;
      yield entries.flatMap(({ fields }) => letterIn(fields) ?? []);
      from = `(${last.id}`;
    }
  }

  async find(ids: readonly string[]): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    for (const part of partsOf([...new Set(ids)], SCRIPT_LETTERS)) {
      const places = await this.#command(['HMGET', this.#index, ...part]);
      for (const place of Array.isArray(places) ? places : []) {
        const entry = String(place ?? '').split(' ')[0] ?? '';
        if (entry === '') continue;
        const [there] = readEntries(await this.#command(['XRANGE', this.#stream, entry, entry]));
        const letter = letterIn(there?.fields);
        if (letter !== undefined) found.push(letter);
      }
    }
    return found;
  }

  async remove(ids: readonly string[]): Promise<number> {
    let removed = 0;
    for (const part of partsOf(ids, SCRIPT_LETTERS)) removed += Number(await this.#run(REMOVE, part));
    return removed;
  }

  async size(): Promise<DeadLettersSize> {
    const count = Number(await this.#command(['XLEN', this.#stream]));
    const bytes = await this.#command(['HGET', this.#index, '#bytes']);
    return { count, bytes: count === 0 ? 0 : Number(bytes ?? 0) };
  }

  #run(script: string, args: readonly string[]): Promise<unknown> {
    return this.#command(['EVAL', script, '2', this.#stream, this.#index, ...args]);
  }

  #command(args: readonly string[]): Promise<unknown> {
    return this.#connection.command(args, { timeoutMs: this.#timeoutMs, asBytes: true });
  }
}

function letterIn(fields: readonly Buffer[] | undefined): DeadLetter | undefined {
  const text = fields?.[fields.findIndex((field) => field.toString() === 'letter') + 1];
  return text === undefined ? undefined : decodeDeadLetter(text);
}

function* partsOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
