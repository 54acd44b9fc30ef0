/**
 * Dead letters in Kafka: the topic `<topic>-dead`, compacted, one message a letter with the letter's id as its key. A letter
 * that is changed is a new message under its key; one that is removed is a message without a value, and the broker forgets both
 * in its own time.
 *
 * A topic can't be asked for one message by its key, so each server holds the letters in memory, as many as the bounds allow,
 * and reads on behind the topic's end (kafka-table.ts). A Kafka that is away rejects what is asked of it.
 */
import type { Admin, Kafka, Message, Producer } from 'kafkajs';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import { type KafkaOptions, openKafkaConnections } from 'tailrace/sinks/kafka';
import { Turns } from '../fallback/turns.ts';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';
import { KafkaTable } from './kafka-table.ts';

/** One letter may hold a mebibyte of event, written as JSON within JSON. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
const SEND_BYTES = 512 * 1024;
const PART_LETTERS = 200;
const ALL_REPLICAS = -1;
/** A new reader has to be let into its group, which a broker delays by 3 s if it isn't told otherwise. */
const CATCH_UP_MS = 20_000;

export type KafkaDeadLettersOptions = Omit<KafkaOptions, 'partitions' | 'compression'>;

/** @param options - `topic` is that of the events. */
export async function openKafkaDeadLetters(options: KafkaDeadLettersOptions): Promise<DeadLetterStore> {
  const topic = `${options.topic ?? 'tailrace-events'}-dead`;
  const { client, patientClient, publisher, settings } = await openKafkaConnections({ ...options, topic });
  if (!isKafka(client) || !isKafka(patientClient)) {
    throw new TypeError('the package kafkajs has another shape than expected');
  }
  const { replicationFactor, publishTimeoutMs } = settings;
  return new KafkaDeadLetters({
    topic,
    client,
    readerClient: patientClient,
    replicationFactor,
    timeoutMs: publishTimeoutMs,
    onClose: () => publisher.close(),
  });
}

interface Parts {
  readonly topic: string;
  readonly client: Kafka;
  readonly readerClient: Kafka;
  readonly replicationFactor: number | undefined;
  readonly timeoutMs: number;
  readonly onClose: () => Promise<void>;
}

class KafkaDeadLetters implements DeadLetterStore {
  readonly kind = 'kafka';
  readonly #parts: Parts;
  readonly #table: KafkaTable;
  readonly #turns = new Turns();
  #admin: Promise<Admin> | undefined;
  #producer: Promise<Producer> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { topic, readerClient } = parts;
    this.#table = new KafkaTable({ topic, readerClient, admin: () => this.#openAdmin(), timeoutMs: CATCH_UP_MS });
  }

  put(letters: readonly DeadLetter[]): Promise<void> {
    return this.#send(letters.map((letter) => ({ key: letter.id, value: encodeDeadLetter(letter) })));
  }

  async *scan(): AsyncGenerator<readonly DeadLetter[]> {
    await this.#table.catchUp();
    const rows = [...this.#table.rows.values()];
    for (let from = 0; from < rows.length; from += PART_LETTERS) {
      yield rows.slice(from, from + PART_LETTERS).flatMap((row) => decodeDeadLetter(row) ?? []);
    }
  }

  async find(ids: readonly string[]): Promise<DeadLetter[]> {
    await this.#table.catchUp();
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#table.rows.get(id);
      return (row === undefined ? undefined : decodeDeadLetter(row)) ?? [];
    });
  }

  async remove(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    await this.#table.catchUp();
    const there = [...new Set(ids)].filter((id) => this.#table.rows.has(id));
    await this.#send(there.map((key) => ({ key, value: null })));
    return there.length;
  }

  async size(): Promise<DeadLettersSize> {
    await this.#table.catchUp();
    return { count: this.#table.rows.size, bytes: this.#table.bytes };
  }

  async close(): Promise<void> {
    await this.#turns.take(() => Promise.resolve());
    await this.#table.close();
    await (await this.#producer?.catch(() => undefined))?.disconnect().catch(() => {});
    await (await this.#admin?.catch(() => undefined))?.disconnect().catch(() => {});
    await this.#parts.onClose();
  }

  /** A message that is there twice, since nobody knew whether the first had arrived, says the same as one. */
  #send(messages: readonly Message[]): Promise<void> {
    return this.#turns.take(async () => {
      if (messages.length === 0) return;
      // It makes the topic.
      await this.#openAdmin();
      const { client, topic, timeoutMs } = this.#parts;
      this.#producer ??= connected(client.producer({ allowAutoTopicCreation: false, retry: { retries: 3 } }));
      try {
        const producer = await this.#producer;
        for (const part of partsOf(messages)) {
          await producer.send({ topic, acks: ALL_REPLICAS, timeout: timeoutMs, messages: part });
        }
      } catch (error) {
        const failed = this.#producer;
        this.#producer = undefined;
        void failed?.then((producer) => producer.disconnect()).catch(() => {});
        throw error;
      }
    });
  }

  #openAdmin(): Promise<Admin> {
    const { client, topic, replicationFactor, timeoutMs } = this.#parts;
    const open = async (): Promise<Admin> => {
      const admin = await connected(client.admin({ retry: { initialRetryTime: 100, retries: 2 } }));
      await admin.createTopics({
        waitForLeaders: true,
        timeout: timeoutMs,
        topics: [
          {
            topic,
            numPartitions: 1,
            ...(replicationFactor !== undefined && { replicationFactor }),
            configEntries: [
              { name: 'cleanup.policy', value: 'compact' },
              { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
            ],
          },
        ],
      });
      return admin;
    };
    this.#admin ??= open().catch((error: unknown) => {
      this.#admin = undefined;
      throw error;
    });
    return this.#admin;
  }
}

async function connected<T extends Admin | Producer>(opened: T): Promise<T> {
  await opened.connect();
  return opened;
}

function* partsOf(messages: readonly Message[]): Generator<Message[]> {
  let part: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = (message.value?.length ?? 0) + 100;
    if (part.length > 0 && bytes + size > SEND_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

function isKafka(client: unknown): client is Kafka {
  return typeof client === 'object' && client !== null && 'consumer' in client && 'admin' in client;
}
