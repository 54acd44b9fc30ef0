/** Lines that may kill their reader: each goes out alone, after a note in the broker that is taken back when the reader comes back. */
import type { KafkaCommits } from './kafka-commits.ts';
import type { Partition } from './kafka-partition.ts';

const DEATHS_ALONE = 2;

export class KafkaSuspects {
  readonly #commits: KafkaCommits;
  /** Where the line is that the reader has in hand. */
  #inHand: Partition | undefined;

  constructor(commits: KafkaCommits) {
    this.#commits = commits;
  }

  /**
   * @returns why it is to be handed out as unreadable, `undefined` where it gets another chance
   * @throws Error where the note can't be left
   */
  async mark(partition: Partition | undefined, offset: number): Promise<string | undefined> {
    if (partition === undefined || partition.committed < 0) return undefined;
    const deaths = partition.notes.deaths.get(offset) ?? 0;
    if (deaths >= DEATHS_ALONE) return `was handed out alone ${deaths} times, and its reader died each time`;
    partition.notes = { ...partition.notes, inHand: offset };
    await this.#commits.tellNotes(partition, partition.committed);
    this.#inHand = partition;
    return undefined;
  }

  /**
   * The reader has come back for more: the line did it no harm.
   *
   * @param nextSuspectIn - the partition of the next line, where that is a suspect too: its own note takes this one's place
   */
  async clear(nextSuspectIn: number | undefined): Promise<void> {
    const partition = this.#inHand;
    if (partition === undefined) return;
    this.#inHand = undefined;
    const { tries, deaths } = partition.notes;
    partition.notes = { tries, deaths };
    if (nextSuspectIn !== partition.number)
      await this.#commits.tellNotes(partition, partition.committed).catch(() => {});
  }

  forget(): void {
    this.#inHand = undefined;
  }
}
