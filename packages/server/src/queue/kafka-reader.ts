/**
 * The reading half of Kafka: one member of a group of readers, which shares the topic's partitions.
 *
 * The client fetches and hands over batches; they go into a bounded buffer, from which `read` takes them. When the buffer is
 * full, the partitions are paused: the client's loop then fetches nothing and goes on with its heartbeats, so that a slow store
 * is no reason to share the partitions out anew. Offsets are committed for what the writer has acknowledged, and for nothing else.
 *
 * When the partitions are shared out anew, all that is in the buffer is let go, and reading begins again at the group's
 * place: what is in the writer's hands comes twice, and the writer drops it. The client may still hold batches that it fetched
 * before; handed over after the change, they would make it skip what lies before them. So a batch is only taken where
 * its fetch began at the offset that is next; any other is dropped, and the client is sent back to that offset. Should there be
 * nothing (the topic's retention took it), that is said aloud, and reading goes on where there is something.
 *
 * A broker that is away is waited for by the client, with growing pauses; should the client give up, a new one takes over.
 *
 * Kafka counts no deliveries, so the readers do it themselves, in the metadata of the group's place: how many have
 * begun there. From the third on, lines go out in runs (suspicion.ts), each after a note that says which; a line with which
 * two readers died alone goes out as unreadable.
 */
import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, EachBatchPayload, IMemberAssignment, Kafka } from 'kafkajs';
import type { BrokerError } from 'tailrace/sinks/kafka';
import { readEntryLine } from './entry-line.ts';
import { KafkaCommits } from './kafka-commits.ts';
import { openConsumer } from './kafka-consumer.ts';
import type { KafkaDepth } from './kafka-depth.ts';
import type { KafkaMembership } from './kafka-membership.ts';
import { followNotes, formatEnd, newPartition, type Partition, parseEnd, suspicionAt } from './kafka-partition.ts';
import { fetchPlaces, type GroupPlaces, tellLost, tellOfRetention } from './kafka-places.ts';
import { KafkaSuspects } from './kafka-suspects.ts';
import { KafkaTrouble } from './kafka-trouble.ts';
import { LinesInHand } from './lines-in-hand.ts';
import { pause } from './pause.ts';
import type { QueueBatch } from './queue.ts';
import { ReadBuffer, type ReadEntry } from './read-buffer.ts';
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

interface Place {
  readonly partition: number;
  readonly offset: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const CLOSE_MS = 3000;

export class KafkaReader {
  readonly #parts: KafkaReaderParts;
  readonly #reader = randomUUID().slice(0, 8);
  readonly #buffer = new ReadBuffer<Place>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #commits: KafkaCommits;
  readonly #suspects: KafkaSuspects;
  readonly #inHand = new LinesInHand();
  /** What was handed out last are suspects. */
  #isApart = false;
  readonly #trouble: KafkaTrouble;
  #consumer: Consumer | undefined;
  #partitions = new Map<number, Partition>();
  /** Counts the assignments of partitions. */
  #epoch = 0;
  /** The group's places at the beginning of this epoch. */
  #places: Promise<GroupPlaces> | undefined;
  #isRejoining = false;
  #isPaused = false;

  constructor(parts: KafkaReaderParts) {
    this.#parts = parts;
    this.#commits = new KafkaCommits({
      ...parts,
      consumer: () => this.#consumer,
      partitions: () => this.#partitions.values(),
    });
    this.#suspects = new KafkaSuspects(this.#commits);
    this.#trouble = new KafkaTrouble(parts);
    this.#running = this.#run();
  }

  /** The client has logged an error. */
  noteClientError(message: string): void {
    this.#trouble.note(this.#parts.toBrokerError(new Error(message), `reading topic ${this.#parts.topic}`));
  }

  async read(maxLines: number, waitMs: number, signal: AbortSignal, isMore: boolean): Promise<QueueBatch> {
    const untilMs = performance.now() + waitMs;
    const next = this.#buffer.first;
    if (!isMore) await this.#suspects.clear(next?.suspicion === undefined ? undefined : next.place.partition);
    for (;;) {
      if (isMore && (this.#isApart || this.#buffer.first?.suspicion !== undefined)) break;
      const isAtBound = this.#inHand.count >= this.#parts.maxUnacknowledged;
      const entries = isAtBound ? [] : this.#buffer.take(maxLines, this.#parts.bufferBytes);
      this.#resumeWhenThereIsRoom();
      if (entries.length > 0) return this.#handOut(entries);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted) break;
      await this.#buffer.wait(leftMs, signal);
    }
    const { lasting } = this.#trouble;
    if (lasting !== undefined && !signal.aborted) throw lasting;
    return { lines: [], unreadable: [], end: this.#end() };
  }

  async acknowledge(end: string): Promise<void> {
    const place = parseEnd(end);
    if (place === undefined || place.reader !== this.#reader) return;
    this.#inHand.settle(end);
    this.#buffer.wake();
    for (const [number, offset] of place.offsets) {
      const partition = this.#partitions.get(number);
      // Since then it was another reader's, which has its own idea of what is stored.
      if (partition === undefined || partition.since > place.epoch) continue;
      partition.acknowledged = Math.max(partition.acknowledged, offset);
    }
    await this.#commits.flush();
  }

  async close(): Promise<void> {
    await this.#commits.close();
    this.#stop.abort();
    this.#buffer.wake();
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
          this.#takeAssignment(joined.memberAssignment);
          void this.#parts.membership.lacksPartitions(joined, this.#parts).then((lacks) => {
            if (lacks) incomplete.abort();
          });
        },
        onRebalancing: () => {
          this.#isRejoining = true;
        },
        onHeartbeat: () => this.#trouble.noteSuccess(),
        onCommitted: (partition, offset) => this.#noteCommitted(partition, offset),
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
        eachBatch: (payload) => this.#takeBatch(payload),
      });
      await Promise.race([crashed, aborted(this.#stop.signal), aborted(incomplete.signal)]);
    } finally {
      const left = consumer.disconnect().catch(() => {});
      await Promise.race([left, pause(CLOSE_MS, new AbortController().signal)]);
      this.#consumer = undefined;
      this.#partitions = new Map();
      this.#letGo();
    }
  }

  #takeAssignment(assignment: IMemberAssignment): void {
    this.#epoch += 1;
    const assigned = new Map<number, Partition>();
    for (const number of assignment[this.#parts.topic] ?? []) {
      const partition = this.#partitions.get(number) ?? newPartition(number, this.#epoch);
      partition.expected = undefined;
      partition.strayOffset = undefined;
      assigned.set(number, partition);
    }
    this.#partitions = assigned;
    this.#letGo();
    this.#isRejoining = false;
    this.#isPaused = false;
    this.#consumer?.resume([{ topic: this.#parts.topic }]);
    this.#trouble.noteSuccess();
  }

  /** All that isn't stored comes again. */
  #letGo(): void {
    this.#buffer.clear();
    this.#inHand.clear();
    this.#suspects.forget();
    this.#places = undefined;
  }

  async #takeBatch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    if (this.#isRejoining || this.#stop.signal.aborted) return;
    const epoch = this.#epoch;
    const partition = this.#partitions.get(batch.partition);
    if (partition === undefined) return;
    const fetchedAt = offsetOfFetch(batch);
    if (partition.expected === undefined) await this.#begin(partition, fetchedAt, batch.messages[0]?.timestamp);
    if (epoch !== this.#epoch || this.#isRejoining) return;
    if (!this.#isNext(partition, fetchedAt)) return;
    const entries: ReadEntry<Place>[] = [];
    let bytes = 0;
    for (const { offset, value } of batch.messages) {
      const size = value?.length ?? 0;
      bytes += size;
      entries.push({
        ...readEntryLine(value, this.#parts.maxLineBytes),
        place: { partition: batch.partition, offset: Number(offset) },
        bytes: size,
        suspicion: suspicionAt(partition.notes, Number(offset), partition.number),
      });
    }
    const last = batch.lastOffset();
    resolveOffset(last);
    partition.expected = Number(last) + 1;
    this.#parts.depth.noteSize(entries.length, bytes);
    this.#trouble.noteSuccess();
    this.#buffer.push(entries);
    if (this.#buffer.bytes >= this.#parts.bufferBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#consumer?.pause([{ topic: this.#parts.topic }]);
    }
  }

  /** Finds the group's place, and notes that one more reader has begun there. */
  async #begin(partition: Partition, fetchedAt: number, writtenMs: string | undefined): Promise<void> {
    this.#places ??= fetchPlaces(this.#parts);
    const places = await this.#places.catch((error: unknown) => {
      this.#places = undefined;
      throw error;
    });
    const place = places.get(partition.number);
    partition.committed = place?.offset ?? -1;
    partition.expected = partition.committed >= 0 ? Math.max(partition.committed, partition.acknowledged) : fetchedAt;
    if (partition.since < this.#epoch) return;
    partition.notes = followNotes(place?.metadata);
    if (writtenMs !== undefined) this.#parts.depth.noteFound(partition.number, partition.expected, Number(writtenMs));
    await this.#commits.tellNotes(partition, partition.expected);
  }

  #isNext(partition: Partition, fetchedAt: number): boolean {
    const { topic } = this.#parts;
    const expected = partition.expected ?? fetchedAt;
    if (fetchedAt === expected) {
      partition.strayOffset = undefined;
      return true;
    }
    if (fetchedAt > expected && partition.strayOffset === fetchedAt) {
      tellLost(this.#parts, partition.number, expected, fetchedAt);
      return true;
    }
    partition.strayOffset = fetchedAt;
    this.#consumer?.seek({ topic, partition: partition.number, offset: String(expected) });
    return false;
  }

  #resumeWhenThereIsRoom(): void {
    if (!this.#isPaused || this.#buffer.bytes > this.#parts.bufferBytes / 2) return;
    this.#isPaused = false;
    this.#consumer?.resume([{ topic: this.#parts.topic }]);
  }

  async #handOut(entries: readonly ReadEntry<Place>[]): Promise<QueueBatch> {
    const [first] = entries;
    const last = entries.at(-1);
    const death = reasonToPutAside(first?.suspicion);
    this.#isApart = first?.suspicion !== undefined;
    if (this.#isApart && first !== undefined && last !== undefined && death === undefined) {
      const run = { from: first.place.offset, to: last.place.offset + 1, lines: entries.length };
      try {
        await this.#suspects.mark(this.#partitions.get(first.place.partition), run);
      } catch (error) {
        this.#buffer.putBack(entries);
        throw error;
      }
    }
    const lines: string[] = [];
    const unreadable: { reason: string; line: string }[] = [];
    for (const { place, line, fault } of entries) {
      const partition = this.#partitions.get(place.partition);
      if (partition !== undefined) partition.handedOut = Math.max(partition.handedOut, place.offset + 1);
      const reason = death ?? fault;
      if (reason === undefined) lines.push(line);
      else unreadable.push({ reason, line });
    }
    const end = this.#end();
    this.#inHand.add(end, entries.length);
    return { lines, unreadable, end };
  }

  #noteCommitted(number: number, offset: number): void {
    const partition = this.#partitions.get(number);
    if (partition === undefined || offset <= partition.committed) return;
    this.#parts.depth.noteCommitted(number, offset, partition.committed < 0 ? 0 : offset - partition.committed);
    partition.committed = offset;
  }

  #end(): string {
    return formatEnd(this.#epoch, this.#reader, this.#partitions.values());
  }
}

/** Where the fetch that brought a batch began. Other clients with this API don't tell; then what came must do. */
function offsetOfFetch(batch: EachBatchPayload['batch']): number {
  const offset: unknown = Reflect.get(batch, 'fetchedOffset');
  return Number(offset ?? batch.firstOffset());
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
