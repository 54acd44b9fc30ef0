/**
 * Moving the group's place in Kafka: to what the writer has acknowledged, and no further. What fails (the broker is away,
 * the partitions are just being shared out) is tried again until it is done; it never holds the writer up for longer than the time
 * bound, and never fails it: the store has the lines.
 */
import type { Consumer } from 'kafkajs';
import { formatNotes, moveNotes, type Partition } from './kafka-partition.ts';
import { pause } from './pause.ts';

export interface KafkaCommitsParts {
  readonly topic: string;
  readonly timeoutMs: number;
  readonly consumer: () => Pick<Consumer, 'commitOffsets'> | undefined;
  /** Those that this reader has now. */
  readonly partitions: () => Iterable<Partition>;
}

const RETRY_MS = 1000;
const CLOSE_MS = 2000;

export class KafkaCommits {
  readonly #parts: KafkaCommitsParts;
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | undefined;

  constructor(parts: KafkaCommitsParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.flush(), RETRY_MS).unref();
  }

  /** Commits what is acknowledged and not committed yet. */
  async flush(): Promise<void> {
    // One that is under way may have begun before the last acknowledgement.
    if (this.#flushing !== undefined) await this.#atMost(this.#flushing);
    if (this.#flushing !== undefined) return;
    const behind = [...this.#parts.partitions()].filter(({ acknowledged, committed }) => acknowledged > committed);
    if (behind.length === 0) return;
    // This reader counts as the first that begins at the new place: should it die, the next one is the second.
    for (const partition of behind) partition.notes = moveNotes(partition.notes, partition.acknowledged, 1);
    const work = this.#commit(behind.map((partition) => ({ partition, offset: partition.acknowledged })))
      .catch(() => {})
      .finally(() => {
        this.#flushing = undefined;
      });
    this.#flushing = work;
    await this.#atMost(work);
  }

  /** Leaves a note at the group's place in a partition, which stays where it is. @throws Error where that isn't done in time */
  async tellNotes(partition: Partition, place: number): Promise<void> {
    const told = this.#commit([{ partition, offset: place }]).then(() => true);
    if (!(await Promise.race([told, this.#late()])))
      throw new Error('Kafka did not take the note about a reader in time');
  }

  /** The last commit. What the notes say of this reader is taken back: it ends in order. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const begun = [...this.#parts.partitions()].filter(
      ({ committed, acknowledged }) => Math.max(committed, acknowledged) >= 0,
    );
    if (begun.length === 0) return;
    const places = begun.map((partition) => ({
      partition,
      offset: Math.max(partition.committed, partition.acknowledged),
    }));
    for (const { partition, offset } of places)
      partition.notes = moveNotes({ ...partition.notes, inHand: undefined }, offset, 0);
    const work = this.#commit(places).catch(() => {});
    await Promise.race([work, pause(CLOSE_MS, new AbortController().signal)]);
  }

  async #commit(places: readonly { readonly partition: Partition; readonly offset: number }[]): Promise<void> {
    await this.#parts.consumer()?.commitOffsets(
      places.map(({ partition, offset }) => ({
        topic: this.#parts.topic,
        partition: partition.number,
        offset: String(offset),
        metadata: formatNotes(partition.notes),
      })),
    );
  }

  async #atMost(work: Promise<void>): Promise<void> {
    await Promise.race([work, this.#late()]);
  }

  async #late(): Promise<false> {
    await pause(this.#parts.timeoutMs, new AbortController().signal);
    return false;
  }
}
