/** Lines that may kill their reader: each run of them goes out after a note in the broker that is taken back when the reader comes back. */
import type { KafkaCommits } from './kafka-commits.ts';
import type { Partition, Run } from './kafka-partition.ts';

export class KafkaSuspects {
  readonly #commits: KafkaCommits;
  /** Where the lines are that the reader has in hand. */
  #inHand: Partition | undefined;

  constructor(commits: KafkaCommits) {
    this.#commits = commits;
  }

  /** @throws Error where the note can't be left */
  async mark(partition: Partition | undefined, run: Run): Promise<void> {
    if (partition === undefined || partition.committed < 0) return;
    partition.notes = { ...partition.notes, inHand: run };
    await this.#commits.tellNotes(partition, partition.committed);
    this.#inHand = partition;
  }

  /**
   * The reader has come back for more: the lines did it no harm.
   *
   * @param nextSuspectIn - the partition of the next line, where that is a suspect too: its own note takes this one's place
   */
  async clear(nextSuspectIn: number | undefined): Promise<void> {
    const partition = this.#inHand;
    if (partition === undefined) return;
    this.#inHand = undefined;
    partition.notes = { ...partition.notes, inHand: undefined };
    if (nextSuspectIn !== partition.number)
      await this.#commits.tellNotes(partition, partition.committed).catch(() => {});
  }

  /** The partitions are shared out anew: what was in hand comes again, to whomever. */
  forget(): void {
    if (this.#inHand !== undefined) this.#inHand.notes = { ...this.#inHand.notes, inHand: undefined };
    this.#inHand = undefined;
  }
}
