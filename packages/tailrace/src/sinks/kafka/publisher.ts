/**
 * The writing half of Kafka.
 *
 * What is published while a send is under way waits and goes with the next one: one send at a time, as large as it has to
 * be. The producer is idempotent, so a send that the client repeats after a lost answer is in the log once.
 *
 * That holds only as long as every send ends well. Of one that failed nobody knows whether the broker has it, and the
 * client gives its sequence numbers to the next one: the broker then takes that for a repetition, confirms it, and drops
 * it. So after a failure the producer is thrown away, and the next send begins with a new one, whose numbers are fresh. What
 * was sent twice this way is told by the event's id.
 *
 * Every publish ends within the time bound, also against a broker that accepts connections and never answers.
 */
import type { Message, Producer } from 'kafkajs';
import { BrokerError, type BrokerPublisher, messageOf, type RefusedLine, within } from '../broker-error.ts';
import { type KafkaDriver, kafkaErrorType, toBrokerError } from './driver.ts';
import { toMessage } from './message.ts';
import type { KafkaSettings } from './options.ts';
import { openTopic } from './topic.ts';

/** One send is about this large, before compression. */
const SEND_BYTES = 512 * 1024;
const SEND_MESSAGES = 4000;
/** What may wait here at once, in bytes. */
const WAITING_BYTES = 64 * 1024 * 1024;
/** The client's sequence numbers end at 2³¹, and it restarts them wrongly: a new producer comes long before. */
const SENDS_OF_A_PRODUCER = 100_000;

interface Job {
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly untilMs: number;
  readonly resolve: (refused: readonly RefusedLine[]) => void;
  readonly reject: (error: Error) => void;
}

export class KafkaPublisher implements BrokerPublisher {
  readonly #settings: KafkaSettings;
  readonly #driver: KafkaDriver;
  #producer: Promise<Producer> | undefined;
  #sends = 0;
  #isTopicThere = false;
  #waiting: Job[] = [];
  #waitingBytes = 0;
  #pump: Promise<void> | undefined;
  #isClosed = false;

  constructor(settings: KafkaSettings, driver: KafkaDriver) {
    this.#settings = settings;
    this.#driver = driver;
  }

  async publish(lines: readonly (string | Buffer)[]): Promise<readonly RefusedLine[]> {
    if (lines.length === 0) return [];
    if (this.#isClosed) throw new BrokerError('UNREACHABLE', 'the connection to Kafka is closed');
    const untilMs = performance.now() + this.#settings.publishTimeoutMs;
    const parts = [...chunksOf(lines)];
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES) {
      throw new BrokerError('FULL', `${this.#waitingBytes} bytes wait for Kafka already: it takes less than comes in`);
    }
    const all = await Promise.all(parts.map((part) => this.#enqueue(part.messages, part.bytes, untilMs)));
    return all.flatMap((refused, i) => refused.map((one) => ({ ...one, index: one.index + (parts[i]?.start ?? 0) })));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pump;
    await this.#dropProducer();
  }

  #enqueue(messages: readonly Message[], bytes: number, untilMs: number): Promise<readonly RefusedLine[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, bytes, untilMs, resolve, reject });
      this.#waitingBytes += bytes;
      this.#pump ??= this.#sendWaiting().finally(() => {
        this.#pump = undefined;
      });
    });
  }

  async #sendWaiting(): Promise<void> {
    // The turn of the event loop in which the first line came brings others along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const jobs = this.#takeJobs();
      try {
        const refused = await this.#send(
          jobs.flatMap(({ messages }) => messages),
          jobs[0]?.untilMs ?? 0,
        );
        settle(jobs, refused);
      } catch (error) {
        const failure = toBrokerError(error, `publishing to topic ${this.#settings.topic}`, this.#settings);
        void this.#dropProducer();
        // Those behind would wait for the same broker, one time bound after the other.
        for (const job of [...jobs, ...this.#waiting]) job.reject(failure);
        this.#waiting = [];
        this.#waitingBytes = 0;
        continue;
      }
      for (const { bytes } of jobs) this.#waitingBytes -= bytes;
    }
  }

  #takeJobs(): readonly Job[] {
    let bytes = 0;
    let messages = 0;
    let count = 0;
    for (const job of this.#waiting) {
      if (count > 0 && (bytes + job.bytes > SEND_BYTES || messages + job.messages.length > SEND_MESSAGES)) break;
      bytes += job.bytes;
      messages += job.messages.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(messages: readonly Message[], untilMs: number): Promise<readonly RefusedLine[]> {
    const late = (): Error =>
      new BrokerError(
        'TIMEOUT',
        `Kafka at ${this.#settings.brokers.join(', ')}: topic ${this.#settings.topic} did not take ${messages.length} lines within ${this.#settings.publishTimeoutMs} ms`,
      );
    const leftMs = (): number => Math.max(1, untilMs - performance.now());
    const producer = await within(leftMs(), this.#connect(), late);
    try {
      await within(leftMs(), this.#sendOnce(producer, messages), late);
      return [];
    } catch (error) {
      if (kafkaErrorType(error) !== 'MESSAGE_TOO_LARGE' && kafkaErrorType(error) !== 'RECORD_LIST_TOO_LARGE')
        throw error;
      if (messages.length === 1) return [{ index: 0, reason: `Kafka refuses it: ${messageOf(error)}` }];
    }
    // Which of them is too large? Halve until it is alone. The failed send used up the producer.
    await this.#dropProducer();
    const middle = Math.ceil(messages.length / 2);
    const first = await this.#send(messages.slice(0, middle), untilMs);
    if (first.length > 0) await this.#dropProducer();
    const second = await this.#send(messages.slice(middle), untilMs);
    return [...first, ...second.map((one) => ({ ...one, index: one.index + middle }))];
  }

  async #sendOnce(producer: Producer, messages: readonly Message[]): Promise<void> {
    this.#sends += 1;
    await producer.send({
      topic: this.#settings.topic,
      messages: [...messages],
      acks: -1,
      timeout: this.#settings.publishTimeoutMs,
      compression: this.#driver.compression,
    });
    if (this.#sends >= SENDS_OF_A_PRODUCER) void this.#dropProducer();
  }

  #connect(): Promise<Producer> {
    if (this.#producer === undefined) {
      const producer = this.#openProducer();
      this.#producer = producer;
      producer.catch(() => {
        if (this.#producer === producer) this.#producer = undefined;
      });
    }
    return this.#producer;
  }

  async #openProducer(): Promise<Producer> {
    if (!this.#isTopicThere) await this.#makeTopic();
    const producer = this.#driver.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: this.#driver.partitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5 },
    });
    await producer.connect();
    this.#sends = 0;
    return producer;
  }

  async #makeTopic(): Promise<void> {
    await openTopic(this.#driver, this.#settings);
    this.#isTopicThere = true;
  }

  async #dropProducer(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    // It may have failed because somebody took the topic away.
    this.#isTopicThere = false;
    if (producer === undefined) return;
    const disconnected = producer.then((one) => one.disconnect()).catch(() => {});
    await within(1000, disconnected, () => new Error('late')).catch(() => {});
  }
}

interface Chunk {
  /** Index of its first line. */
  readonly start: number;
  readonly messages: Message[];
  readonly bytes: number;
}

function* chunksOf(lines: readonly (string | Buffer)[]): Generator<Chunk> {
  let chunk: { start: number; messages: Message[]; bytes: number } = { start: 0, messages: [], bytes: 0 };
  for (const [index, line] of lines.entries()) {
    const bytes = Buffer.byteLength(line);
    if (chunk.messages.length > 0 && (chunk.bytes + bytes > SEND_BYTES || chunk.messages.length >= SEND_MESSAGES)) {
      yield chunk;
      chunk = { start: index, messages: [], bytes: 0 };
    }
    chunk.messages.push(toMessage(line));
    chunk.bytes += bytes;
  }
  yield chunk;
}

/** Gives each job the refused lines that are its own. */
function settle(jobs: readonly Job[], refused: readonly RefusedLine[]): void {
  let start = 0;
  for (const { messages, resolve } of jobs) {
    const end = start + messages.length;
    const from = start;
    resolve(
      refused.filter(({ index }) => index >= from && index < end).map((one) => ({ ...one, index: one.index - from })),
    );
    start = end;
  }
}
