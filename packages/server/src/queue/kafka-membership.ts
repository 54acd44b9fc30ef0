/**
 * A reader's membership in its group, under a name where it has one: see the library's `sinks/kafka/member-name.ts`.
 *
 * Two readers under one name would shut each other out in turn. So one that was shut out goes on without its name.
 *
 * One that takes its own place again gets the partitions of the last sharing out, and the client has nobody share them out
 * anew. Partitions that were added to the topic meanwhile would be nobody's for good: who finds such leaves the group and
 * joins it again, and that shares out all of them.
 */
import type { Admin, ConsumerGroupJoinEvent } from 'kafkajs';
import { kafkaErrorType } from 'tailrace/sinks/kafka';

export interface KafkaMembershipParts {
  readonly name: string | undefined;
  readonly group: string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

export interface KafkaGroup {
  readonly admin: () => Promise<Admin>;
  readonly topic: string;
  /** The partitions of the topic in the description of a member. */
  readonly partitionsOf: (memberAssignment: Buffer) => readonly number[];
}

export class KafkaMembership {
  readonly #parts: KafkaMembershipParts;
  #isShutOut = false;
  /** Leaving for the sake of so many partitions has been tried. */
  #leftFor = 0;

  constructor(parts: KafkaMembershipParts) {
    this.#parts = parts;
  }

  /** `undefined` where it has none, or somebody else has it. */
  get name(): string | undefined {
    return this.#isShutOut ? undefined : this.#parts.name;
  }

  /** The client has given up, with this error. */
  noteEnd(error: unknown): void {
    if (this.name === undefined || kafkaErrorType(error) !== 'FENCED_INSTANCE_ID') return;
    this.#isShutOut = true;
    const { name, group, log } = this.#parts;
    log(
      'warn',
      `another reader of group ${group} has joined as ${name}, the name of this one, which goes on without a name: give each server a data folder or a host name of its own`,
    );
  }

  /** True where the group has left partitions of the topic to nobody. What can't be found out now isn't so. */
  async lacksPartitions(
    { isLeader }: Pick<ConsumerGroupJoinEvent['payload'], 'isLeader'>,
    { admin, topic, partitionsOf }: KafkaGroup,
  ): Promise<boolean> {
    // A leader has just shared out what is there.
    if (isLeader || this.name === undefined) return false;
    try {
      const asked = await admin();
      const { groups } = await asked.describeGroups([this.#parts.group]);
      const [description] = groups;
      if (description?.state !== 'Stable') return false;
      const shared = new Set(description.members.flatMap(({ memberAssignment }) => partitionsOf(memberAssignment)));
      const { length } = await asked.fetchTopicOffsets(topic);
      if (shared.size >= length || this.#leftFor === length) return false;
      this.#leftFor = length;
      this.#parts.log(
        'info',
        `topic ${topic} has ${length} partitions, and group ${this.#parts.group} reads ${shared.size}: sharing them out anew`,
      );
      return true;
    } catch {
      return false;
    }
  }
}
