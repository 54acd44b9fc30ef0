/**
 * What a compacted topic holds, as a table in memory: the last value of each key, without the keys whose last value is none.
 *
 * A reader with a group of its own, which commits nothing, reads the topic from its start and stays at its end. Before the
 * table is looked at, it waits until it has everything that the broker had at that moment ({@link KafkaTable.catchUp}): so what
 * this process or another one has written is in it. A reader that begins anew, after it lost its broker, reads from the start
 * again; what it knows already it leaves out by its place.
 */
import { randomBytes } from 'node:crypto';
import type { Admin, Consumer, EachBatchPayload, Kafka } from 'kafkajs';

export interface KafkaTableParts {
  readonly topic: string;
  readonly readerClient: Kafka;
  readonly admin: () => Promise<Admin>;
  /** The longest that catching up may take, in milliseconds. */
  readonly timeoutMs: number;
}

export class KafkaTable {
  readonly rows = new Map<string, Buffer>();
  bytes = 0;
  readonly #parts: KafkaTableParts;
  /** For each partition, the offset that comes next. */
  readonly #places = new Map<number, number>();
  readonly #waiting = new Set<() => void>();
  #reader: Promise<Consumer> | undefined;

  constructor(parts: KafkaTableParts) {
    this.#parts = parts;
  }

  /** Resolves when everything is in the table that the broker has now. */
  async catchUp(): Promise<void> {
    const { topic, timeoutMs } = this.#parts;
    const admin = await this.#parts.admin();
    const ends = await admin.fetchTopicOffsets(topic);
    const wanted = ends.filter(({ low, high }) => Number(high) > Number(low));
    const isThere = () => wanted.every(({ partition, high }) => (this.#places.get(partition) ?? 0) >= Number(high));
    if (isThere()) return;
    this.#reader ??= this.#startReader();
    await this.#reader;
    const untilMs = performance.now() + timeoutMs;
    while (!isThere()) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw new Error(`reading topic ${topic} to its end took longer than ${timeoutMs} ms`);
      await this.#progress(leftMs);
    }
  }

  async close(): Promise<void> {
    const reader = await this.#reader?.catch(() => undefined);
    await reader?.disconnect().catch(() => {});
  }

  async #startReader(): Promise<Consumer> {
    const { topic, readerClient } = this.#parts;
    const groupId = `tailrace-dead-letters-${randomBytes(8).toString('hex')}`;
    const consumer = readerClient.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // The client starts it again by itself where it thinks that this helps.
      if (payload.restart) return;
      this.#reader = undefined;
      void consumer.disconnect().catch(() => {});
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachBatch: (payload) => this.#take(payload) });
      return consumer;
    } catch (error) {
      this.#reader = undefined;
      void consumer.disconnect().catch(() => {});
      throw error;
    }
  }

  async #take({ batch, heartbeat }: EachBatchPayload): Promise<void> {
    const place = this.#places.get(batch.partition) ?? 0;
    for (const { key, value, offset } of batch.messages) {
      if (Number(offset) >= place && key !== null) this.#set(key.toString(), value);
    }
    this.#places.set(batch.partition, Math.max(place, Number(batch.lastOffset()) + 1));
    for (const ring of [...this.#waiting]) ring();
    await heartbeat();
  }

  #set(key: string, value: Buffer | null): void {
    this.bytes += (value?.length ?? 0) - (this.rows.get(key)?.length ?? 0);
    if (value === null) this.rows.delete(key);
    else this.rows.set(key, value);
  }

  #progress(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(done);
    });
  }
}
