/**
 * A server that takes the made events and answers questions about them: ours, and those that people use for the same. Each
 * is set up as a team would that reads its documentation: its own ways to write and to ask, its defaults where they don't
 * refuse the work.
 */
import type { Dataset } from '../cases/server-events.ts';

export interface ServerPeer {
  readonly name: string;
  /** Why it can't run here; `undefined` where it can. */
  missing(): string | undefined;
  /** Starts it on an empty folder, ready for events. */
  start(folder: string): Promise<RunningPeer>;
}

export interface RunningPeer {
  readonly name: string;
  /** What the reader of the table has to know: what an acknowledgement means, how the data is laid out. */
  readonly notes: readonly string[];
  readonly pid: number;
  /** Writes events over HTTP, in one request; resolves when the server has acknowledged all of them. */
  write(lines: readonly string[]): Promise<void>;
  /** How many events a query finds, over all time. */
  count(): Promise<number>;
  /**
   * Resolves when what it does by itself after a load is done, asked for where it would take long; says what that was.
   *
   * @param isHasty - it isn't waited for what takes minutes
   */
  settle(isHasty: boolean): Promise<string>;
  /** Bytes of what it keeps the events in, without the log that it writes ahead of them. */
  storedBytes(): Promise<number>;
  /** The questions that it can be asked; for the others, why not. */
  readonly questions: Questions;
  close(): Promise<void>;
}

/** What is asked. Each answers with its result in the form that all peers share, so that they can be compared. */
export interface Answers {
  /** The trace of the event with an id. */
  readonly 'find by id': string;
  /** Ids of the newest hundred, newest first. */
  readonly 'errors of one service in one hour': readonly string[];
  /** Events by minute, oldest first. */
  readonly 'count by minute': readonly number[];
  /** Milliseconds, by route in the order of the alphabet. */
  readonly 'p99 by route': readonly number[];
  /** How many events have the word. */
  readonly 'full-text word': number;
  /** Durations in ms, the slowest first. */
  readonly 'top 10 slowest': readonly number[];
  readonly 'distinct users': number;
}

export type QuestionName = keyof Answers;

export type Questions = {
  readonly [K in QuestionName]: ((dataset: Dataset) => Promise<Answers[K]>) | CannotAnswer;
};

export interface CannotAnswer {
  readonly why: string;
}

export const QUESTIONS: readonly QuestionName[] = [
  'find by id',
  'errors of one service in one hour',
  'count by minute',
  'p99 by route',
  'full-text word',
  'top 10 slowest',
  'distinct users',
];
