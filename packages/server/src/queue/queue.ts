/**
 * The queue port: what stands between the sources and the writer. A source's answer waits for `publish`; the writer
 * acknowledges what the store has committed.
 */

import type { EventRow } from '../store/event-row.ts';

/** What a source has found out about the line of an event when it checked it. */
export interface CheckedLine {
  readonly producer: string;
  readonly sequence: number;
  readonly timestampMs: number;
  readonly row: EventRow;
}

export interface QueueBatch {
  /** Lines in the order in which they were published: events and ledger lines, JSON without line feed. */
  readonly lines: readonly string[];
  /** What was published along with the lines, where the queue still had it in memory: line by line, or not at all. */
  readonly checked?: readonly (CheckedLine | undefined)[];
  /** Lines that could not be read, as found. */
  readonly unreadable: readonly { readonly reason: string; readonly line: string }[];
  /** The place after this batch. */
  readonly end: string;
}

export interface QueueStats {
  /** Bytes that are published and not yet acknowledged. */
  readonly depthBytes: number;
  /** Their number, where the queue knows it. A broker's bytes are an estimate: its lines, times the mean of what was seen. */
  readonly depthLines?: number;
  /** Age of the oldest line that is not acknowledged, in seconds; 0 when there is none. */
  readonly ageSeconds: number;
  /**
   * Everything that was published before this time, in milliseconds since 1970, is acknowledged, as far as is known; 0
   * while nothing is. So what was published before it and isn't stored will not come out of this queue any more.
   */
  readonly passedMs: number;
}

/** The queue can take no more now; a source answers 503 with `Retry-After`. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly code = 'QUEUE_FULL';
}

export interface Queue {
  /**
   * Who remembers how far the queue was read. `store`: the checkpoint, which becomes durable together with the events;
   * `seek` goes there. `broker`: the broker, for the group of readers; `seek` does nothing, and after a crash or a change of
   * readers lines come again that are in the store already, so the writer or the store must know them.
   */
  readonly placeIn: 'store' | 'broker';
  /**
   * Resolves when the lines are as safe as the queue's durability setting promises.
   *
   * @param checked - for each line what is known of it, to be handed to the reader with it if it costs nothing: it saves
   * parsing the line again, and is never needed.
   * @throws QueueFullError when the queue is at its bound or its disk is full. Some of the lines may have been taken then:
   * the client sends all of them again, and the writer drops what comes twice.
   */
  publish(lines: readonly string[], checked?: readonly (CheckedLine | undefined)[]): Promise<void>;
  /** Starts reading after this place; a new store starts at the oldest line. */
  seek(position: string | undefined): Promise<void>;
  /**
   * The next lines, at most `maxLines`; waits up to `waitMs` for the first. Empty when there was none. Lines that
   * may have killed their readers come apart from all others; by the next call, the last lines are known to have done no harm.
   *
   * @param isMore - the lines go together with those of the last call, which nobody has touched yet. There are none where
   * either of them has to be apart. @defaultValue false
   */
  read(maxLines: number, waitMs: number, signal: AbortSignal, isMore?: boolean): Promise<QueueBatch>;
  /**
   * Everything before this place is in the store, durably: it may go. Places that are no longer this reader's (another one
   * of the group took over) are left alone; their lines come again there.
   */
  acknowledge(position: string): Promise<void>;
  stats(): QueueStats;
  close(): Promise<void>;
}
