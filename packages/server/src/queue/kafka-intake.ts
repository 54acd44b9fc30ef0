/**
 * What comes in from Kafka: the partitions that are this reader's now, and their batches on the way into the buffer. When
 * that is full, the partitions are paused.
 *
 * When the partitions are shared out anew, all that is in the buffer is let go, and reading begins again at the group's
 * place: what is in the writer's hands comes twice, and the writer drops it. The client may still hold batches that it fetched
 * before; handed over after the change, they would make it skip what lies before them. So a batch is only taken where
 * its fetch began at the offset that is next; any other is dropped, and the client is sent back to that offset. Should there be
 * nothing (the topic's retention took it), that is said aloud, and reading goes on where there is something.
 */
import type { Consumer, EachBatchPayload, IMemberAssignment } from 'kafkajs';
import { readEntryLine } from './entry-line.ts';
import type { KafkaDepth } from './kafka-depth.ts';
import { followNotes, newPartition, type Partition, suspicionAt } from './kafka-partition.ts';
import { fetchPlaces, type GroupPlaces, type KafkaPlacesParts, tellLost } from './kafka-places.ts';
import { ReadBuffer, type ReadEntry } from './read-buffer.ts';

export interface KafkaIntakeParts extends KafkaPlacesParts {
  readonly bufferBytes: number;
  readonly maxLineBytes: number;
  readonly depth: KafkaDepth;
  readonly consumer: () => Consumer | undefined;
  /** Leaves a note at the group's place in a partition. */
  readonly tellNotes: (partition: Partition, place: number) => Promise<void>;
  /** What was handed out and isn't stored comes again. */
  readonly onLetGo: () => void;
  /** Kafka has answered. */
  readonly onSuccess: () => void;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export class KafkaIntake {
  readonly buffer = new ReadBuffer<Place>();
  readonly #parts: KafkaIntakeParts;
  #partitions: ReadonlyMap<number, Partition> = new Map();
  #epoch = 0;
  /** The group's places at the beginning of this epoch. */
  #places: Promise<GroupPlaces> | undefined;
  #isRejoining = false;
  #isPaused = false;

  constructor(parts: KafkaIntakeParts) {
    this.#parts = parts;
  }

  /** Counts the assignments of partitions. */
  get epoch(): number {
    return this.#epoch;
  }

  get partitions(): ReadonlyMap<number, Partition> {
    return this.#partitions;
  }

  takeAssignment(assignment: IMemberAssignment): void {
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
    this.#parts.consumer()?.resume([{ topic: this.#parts.topic }]);
    this.#parts.onSuccess();
  }

  /** The partitions are about to be shared out anew: batches that still come are none of ours, perhaps. */
  noteRebalancing(): void {
    this.#isRejoining = true;
  }

  /** The client is gone. */
  noteEnd(): void {
    this.#partitions = new Map();
    this.#letGo();
  }

  async takeBatch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    if (this.#isRejoining) return;
    const epoch = this.#epoch;
    const partition = this.#partitions.get(batch.partition);
    if (partition === undefined) return;
    const fetchedAt = offsetOfFetch(batch);
    if (partition.expected === undefined) await this.#begin(partition, fetchedAt);
    if (epoch !== this.#epoch || this.#isRejoining) return;
    if (!this.#isNext(partition, fetchedAt)) return;
    this.#noteAge(partition, batch.messages[0]);
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
    this.#parts.onSuccess();
    this.buffer.push(entries);
    if (this.buffer.bytes >= this.#parts.bufferBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#parts.consumer()?.pause([{ topic: this.#parts.topic }]);
    }
  }

  /** The next entries for the writer; the partitions go on where that makes room. */
  takeEntries(maxLines: number): readonly ReadEntry<Place>[] {
    const entries = this.buffer.take(maxLines, this.#parts.bufferBytes);
    this.#resumeWhenThereIsRoom();
    return entries;
  }

  noteCommitted(number: number, offset: number): void {
    const partition = this.#partitions.get(number);
    if (partition === undefined || offset <= partition.committed) return;
    this.#parts.depth.noteCommitted(number, offset, partition.committed < 0 ? 0 : offset - partition.committed);
    partition.committed = offset;
  }

  /** Finds the group's place, and notes that one more reader has begun there. */
  async #begin(partition: Partition, fetchedAt: number): Promise<void> {
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
    await this.#parts.tellNotes(partition, partition.expected);
  }

  /** Tells how old the first message is that was taken: one that was fetched before the group's place tells nothing. */
  #noteAge(partition: Partition, first: { readonly offset: string; readonly timestamp: string } | undefined): void {
    if (partition.isAgeKnown || first === undefined) return;
    partition.isAgeKnown = true;
    this.#parts.depth.noteFound(partition.number, Number(first.offset), Number(first.timestamp));
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
    this.#parts.consumer()?.seek({ topic, partition: partition.number, offset: String(expected) });
    return false;
  }

  #resumeWhenThereIsRoom(): void {
    if (!this.#isPaused || this.buffer.bytes > this.#parts.bufferBytes / 2) return;
    this.#isPaused = false;
    this.#parts.consumer()?.resume([{ topic: this.#parts.topic }]);
  }

  #letGo(): void {
    this.buffer.clear();
    this.#places = undefined;
    this.#parts.onLetGo();
  }
}

/** Where the fetch that brought a batch began. Other clients with this API don't tell; then what came must do. */
function offsetOfFetch(batch: EachBatchPayload['batch']): number {
  const offset: unknown = Reflect.get(batch, 'fetchedOffset');
  return Number(offset ?? batch.firstOffset());
}
