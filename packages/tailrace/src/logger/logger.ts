import type { Level } from '../event.ts';
import { LEVEL_RANK } from './levels.ts';

/** What a line says beside its message. An `Error`, or one under `error` or `err`, becomes the event's `error.*`. */
export type LogContext = Readonly<Record<string, unknown>>;

/** One line: a message, then a topic, a context, or both. A message that is an error is logged as one. */
export interface LogMethod<C extends object> {
  (message: unknown, context?: C | Error): void;
  (message: unknown, topic: string | undefined, context?: C | Error): void;
}

/**
 * Writes log lines. A line is an event of its own, and takes the way of all events; inside a scope it also carries the
 * scope's ids, and its level and count flow into the scope's event.
 *
 * @typeParam C - the shape of the context, where a program wants to fix it.
 *
 * @example
 * ```ts
 * const log = tailrace.log.child('dsp').child('filter'); // topic dsp.filter
 * log.info('window moved', { samples: 512 });
 * log.error('overflow', new RangeError('too many samples'));
 * ```
 */
export interface Logger<C extends object = LogContext> {
  readonly topic: string | undefined;
  readonly trace: LogMethod<C>;
  readonly debug: LogMethod<C>;
  readonly info: LogMethod<C>;
  readonly warn: LogMethod<C>;
  readonly error: LogMethod<C>;
  readonly fatal: LogMethod<C>;
  /** As the methods above, with the level as a value. */
  log(level: Level, message: unknown, context?: C | Error): void;
  /** A logger whose topic is below this one's, with fields that all of its lines carry. */
  child<D extends object = C>(topic: string, context?: LogContext): Logger<D>;
  /**
   * Sets the lowest level that is written, from now on, for a topic and those below it.
   *
   * @param topic - @defaultValue this logger's topic; for the root logger all topics that have no level of their own.
   */
  setLevel(level: Level, topic?: string): void;
  isEnabled(level: Level): boolean;
}

/** Takes one line that is to be written. */
export type WriteLine = (
  level: Level,
  message: unknown,
  topic: string | undefined,
  context: unknown,
  bound: LogContext | undefined,
) => void;

/** The lowest level of each topic. A topic without one has that of the nearest topic above it. */
export class Levels {
  readonly #byTopic = new Map<string, Level>();
  #root: Level;
  #version = 0;

  constructor(root: Level) {
    this.#root = root;
  }

  /** Grows with each change, so that a logger knows when to look again. */
  get version(): number {
    return this.#version;
  }

  set(level: Level, topic: string | undefined): void {
    if (topic === undefined || topic === '') this.#root = level;
    else this.#byTopic.set(topic, level);
    this.#version += 1;
  }

  of(topic: string | undefined): Level {
    let name = topic ?? '';
    while (name !== '') {
      const level = this.#byTopic.get(name);
      if (level !== undefined) return level;
      const dot = name.lastIndexOf('.');
      name = dot === -1 ? '' : name.slice(0, dot);
    }
    return this.#root;
  }
}

export function createLogger<C extends object = LogContext>(
  write: WriteLine,
  levels: Levels,
  topic?: string,
  bound?: LogContext,
): Logger<C> {
  let version = -1;
  let lowest = 0;

  const isRankEnabled = (rank: number): boolean => {
    if (version !== levels.version) {
      version = levels.version;
      lowest = LEVEL_RANK[levels.of(topic)];
    }
    return rank >= lowest;
  };
  const isEnabled = (level: Level): boolean => isRankEnabled(LEVEL_RANK[level]);

  const method = (level: Level): LogMethod<C> => {
    const rank = LEVEL_RANK[level];
    return (message: unknown, topicOrContext?: unknown, context?: unknown) => {
      if (typeof topicOrContext !== 'string') {
        if (isRankEnabled(rank)) write(level, message, topic, topicOrContext ?? context, bound);
        return;
      }
      const below = joinTopics(topic, topicOrContext);
      if (rank >= LEVEL_RANK[levels.of(below)]) write(level, message, below, context, bound);
    };
  };

  return {
    topic,
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
    log(level, message, context) {
      if (isEnabled(level)) write(level, message, topic, context, bound);
    },
    child<D extends object = C>(name: string, context?: LogContext): Logger<D> {
      const inherited = context === undefined ? bound : { ...bound, ...context };
      return createLogger<D>(write, levels, joinTopics(topic, name), inherited);
    },
    setLevel(level, below) {
      if (!Object.hasOwn(LEVEL_RANK, level)) return;
      levels.set(level, below === undefined ? topic : joinTopics(topic, below));
    },
    isEnabled,
  };
}

function joinTopics(topic: string | undefined, below: string): string | undefined {
  if (below === '') return topic;
  return topic === undefined || topic === '' ? below : `${topic}.${below}`;
}
