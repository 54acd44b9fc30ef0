/**
 * Where dead letters are kept: the port. A file, a stream of Redis, a topic of Kafka, a collection of MongoDB.
 *
 * A place knows letters by their ids, and nothing of what is in them: filters, bounds, replays and the rest stand above it,
 * written once. Several processes may use one place at the same time, but for the file.
 */
import type { DeadLetter } from 'tailrace/dead-letters';

export interface DeadLettersSize {
  readonly count: number;
  /** Bytes of the letters as JSON; what the place needs beside them isn't in it. */
  readonly bytes: number;
}

export interface DeadLetterStore {
  /** What it is, for people: `file`, `redis`, `kafka`, `mongodb`. */
  readonly kind: string;
  /** Resolves when the letters are durable. A letter whose id is there already takes the place of the one before. */
  put(letters: readonly DeadLetter[]): Promise<void>;
  /**
   * All letters, in parts that fit into memory, the oldest first as far as the place knows. A letter that is put or removed
   * meanwhile may be among them or not.
   */
  scan(): AsyncIterable<readonly DeadLetter[]>;
  /** Those of these letters that are there, in any order. */
  find(ids: readonly string[]): Promise<DeadLetter[]>;
  /** @returns how many of them were there. */
  remove(ids: readonly string[]): Promise<number>;
  size(): Promise<DeadLettersSize>;
  close(): Promise<void>;
}
