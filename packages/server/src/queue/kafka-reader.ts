/**
 * The reading half of Kafka: one member of a group of readers, which shares the topic's partitions.
 *
 * The client fetches and hands over batches; they go into a bounded buffer, from which `read` takes them. When the buffer is
 * full, the partitions are paused: the client's loop then fetches nothing and goes on with its heartbeats, so that a slow store
 * is no reason to share the partitions out anew. Offsets are committed for what the writer has acknowledged, and for nothing else.
 *
 * A broker that is away is waited for by the client, with growing pauses; should the client give up, a new one takes over.
 *
 * Kafka counts no deliveries, so the readers do it themselves, in the metadata of the group's place: how many have
 * begun there. From the third on, lines go out in runs (suspicion.ts), each after a note that says which; a line with which
 * two readers died alone goes out as unreadable.
 */
import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, Kafka } from 'kafkajs';
import type { BrokerError } from 'tailrace/sinks/kafka';
import { KafkaCommits } from './kafka-commits.ts';
import { openConsumer } from './kafka-consumer.ts';
import type { KafkaDepth } from './kafka-depth.ts';
import { KafkaIntake, type Place } from './kafka-intake.ts';
import type { KafkaMembership } from './kafka-membership.ts';
import { formatEnd, parseEnd } from './kafka-partition.ts';
import { tellOfRetention } from './kafka-places.ts';
import { KafkaSuspects } from './kafka-suspects.ts';
import { KafkaTrouble } from './kafka-trouble.ts';
import { LinesInHand } from './lines-in-hand.ts';
import { pause } from './pause.ts';
import type { QueueBatch } from './queue.ts';
import type { ReadEntry } from './read-buffer.ts';
import { reasonToPutAside } from './suspicion.ts';

export interface KafkaReaderParts {
  readonly kafka: Kafka;
  readonly admin: () => Promise<Admin>;
  readonly membership: KafkaMembership;
  readonly topic: string;
  readonly group: string;
  readonly partitionsOf: (memberAssignment: Buffer) => readonly number[];
  readonly ensureTopic: () => Promise<void>;
  readonly toBrokerError: (error: unknown, what: string) => BrokerError;
  readonly sessionTimeoutMs: number;
  readonly timeoutMs: number;
  readonly bufferBytes: number;
  readonly maxLineBytes: number;
  readonly maxUnacknowledged: number;
  readonly depth: KafkaDepth;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const CLOSE_MS = 3000;

export class KafkaReader {
  readonly #parts: KafkaReaderParts;
  readonly #reader = randomUUID().slice(0, 8);
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #intake: KafkaIntake;
  readonly #commits: KafkaCommits;
  readonly #suspects: KafkaSuspects;
  readonly #inHand = new LinesInHand();
  /** What was handed out last are suspects. */
  #isApart = false;
  readonly #trouble: KafkaTrouble;
  #consumer: Consumer | undefined;

  constructor(parts: KafkaReaderParts) {
    this.#parts = parts;
    this.#commits = new KafkaCommits({
      ...parts,
      consumer: () => this.#consumer,
      partitions: () => this.#intake.partitions.values(),
    });
    this.#suspects = new KafkaSuspects(this.#commits);
    this.#trouble = new KafkaTrouble(parts);
    this.#intake = new KafkaIntake({
      ...parts,
      consumer: () => this.#consumer,
      tellNotes: (partition, place) => this.#commits.tellNotes(partition, place),
      onSuccess: () => this.#trouble.noteSuccess(),
      onLetGo: () => {
        this.#inHand.clear();
        this.#suspects.forget();
      },
    });
    this.#running = this.#run();
  }

  /** The client has logged an error. */
  noteClientError(message: string): void {
    this.#trouble.note(this.#parts.toBrokerError(new Error(message), `reading topic ${this.#parts.topic}`));
  }

  async read(maxLines: number, waitMs: number, signal: AbortSignal, isMore: boolean): Promise<QueueBatch> {
    const untilMs = performance.now() + waitMs;
    const next = this.#intake.buffer.first;
    if (!isMore) await this.#suspects.clear(next?.suspicion === undefined ? undefined : next.place.partition);
    for (;;) {
      if (isMore && (this.#isApart || this.#intake.buffer.first?.suspicion !== undefined)) break;
      const isAtBound = this.#inHand.count >= this.#parts.maxUnacknowledged;
      const entries = isAtBound ? [] : this.#intake.takeEntries(maxLines);
      if (entries.length > 0) return this.#handOut(entries);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted) break;
      await this.#intake.buffer.wait(leftMs, signal);
    }
    const { lasting } = this.#trouble;
    if (lasting !== undefined && !signal.aborted) throw lasting;
    return { lines: [], unreadable: [], end: this.#end() };
  }

  async acknowledge(end: string): Promise<void> {
    const place = parseEnd(end);
    if (place === undefined || place.reader !== this.#reader) return;
    this.#inHand.settle(end);
    this.#intake.buffer.wake();
    for (const [number, offset] of place.offsets) {
      const partition = this.#intake.partitions.get(number);
      // Since then it was another reader's, which has its own idea of what is stored.
      if (partition === undefined || partition.since > place.epoch) continue;
      partition.acknowledged = Math.max(partition.acknowledged, offset);
    }
    await this.#commits.flush();
  }

  async close(): Promise<void> {
    await this.#commits.close();
    this.#stop.abort();
    this.#intake.buffer.wake();
    await Promise.race([this.#running, pause(CLOSE_MS, new AbortController().signal)]);
  }

  async #run(): Promise<void> {
    const { membership } = this.#parts;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#stop.signal.aborted) {
      const startMs = performance.now();
      try {
        await this.#consume();
      } catch (error) {
        membership.noteEnd(error);
        this.#trouble.noteEnd(this.#parts.toBrokerError(error, `reading topic ${this.#parts.topic}`));
      }
      if (performance.now() - startMs > 60_000) pauseMs = FIRST_PAUSE_MS;
      await pause(pauseMs, this.#stop.signal);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    }
  }

  /** Reads until the client gives up, which it tells by rejecting, or the reader is closed. */
  async #consume(): Promise<void> {
    const { kafka, topic, group, sessionTimeoutMs } = this.#parts;
    await this.#parts.ensureTopic();
    const incomplete = new AbortController();
    const { consumer, crashed } = openConsumer(
      kafka,
      { group, sessionTimeoutMs },
      {
        onJoin: (joined) => {
          this.#intake.takeAssignment(joined.memberAssignment);
          void this.#parts.membership.lacksPartitions(joined, this.#parts).then((lacks) => {
            if (lacks) incomplete.abort();
          });
        },
        onRebalancing: () => this.#intake.noteRebalancing(),
        onHeartbeat: () => this.#trouble.noteSuccess(),
        onCommitted: (partition, offset) => this.#intake.noteCommitted(partition, offset),
      },
    );
    this.#consumer = consumer;
    try {
      if (this.#stop.signal.aborted) return;
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await tellOfRetention(this.#parts);
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => {
          if (!this.#stop.signal.aborted) await this.#intake.takeBatch(payload);
        },
      });
      await Promise.race([crashed, aborted(this.#stop.signal), aborted(incomplete.signal)]);
    } finally {
      const left = consumer.disconnect().catch(() => {});
      await Promise.race([left, pause(CLOSE_MS, new AbortController().signal)]);
      this.#consumer = undefined;
      this.#intake.noteEnd();
    }
  }

  async #handOut(entries: readonly ReadEntry<Place>[]): Promise<QueueBatch> {
    const [first] = entries;
    const last = entries.at(-1);
    const death = reasonToPutAside(first?.suspicion);
    this.#isApart = first?.suspicion !== undefined;
    if (this.#isApart && first !== undefined && last !== undefined && death === undefined) {
      const run = { from: first.place.offset, to: last.place.offset + 1, lines: entries.length };
      try {
        await this.#suspects.mark(this.#intake.partitions.get(first.place.partition), run);
      } catch (error) {
        this.#intake.buffer.putBack(entries);
        throw error;
      }
    }
    const lines: string[] = [];
    const unreadable: { reason: string; line: string }[] = [];
    for (const { place, line, fault } of entries) {
      const partition = this.#intake.partitions.get(place.partition);
      if (partition !== undefined) partition.handedOut = Math.max(partition.handedOut, place.offset + 1);
      const reason = death ?? fault;
      if (reason === undefined) lines.push(line);
      else unreadable.push({ reason, line });
    }
    const end = this.#end();
    this.#inHand.add(end, entries.length);
    return { lines, unreadable, end };
  }

  #end(): string {
    return formatEnd(this.#intake.epoch, this.#reader, this.#intake.partitions.values());
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
