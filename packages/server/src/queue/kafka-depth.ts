/**
 * How much waits in the topic for the group: asked of Kafka every few seconds, and carried forward between the answers.
 *
 * Kafka tells no age. So each answer leaves a mark, when the end of a partition was where; the oldest mark that the group
 * hasn't passed is the age. A reader that begins far back knows better, by the time of the message it found there.
 */
import type { Admin } from 'kafkajs';
import type { QueueStats } from './queue.ts';

export interface KafkaDepthParts {
  readonly admin: () => Promise<Admin>;
  readonly topic: string;
  readonly group: string;
  readonly now: () => number;
}

interface Mark {
  end: number;
  atMs: number;
  /** What lies before the end, and behind the mark before, was published after this time; 0 where that isn't known. */
  fromMs: number;
}

const POLL_MS = 2000;
const FIRST_LINE_BYTES = 1000;
const MAX_MARKS = 500;

export class KafkaDepth {
  readonly #parts: KafkaDepthParts;
  readonly #timer: NodeJS.Timeout;
  readonly #marks = new Map<number, Mark[]>();
  /** When Kafka was asked last that has answered. */
  #answeredMs = 0;
  #lines = 0;
  #lineBytes = FIRST_LINE_BYTES;
  #isAsking = false;
  /** Rises with each change that an answer on its way can't know of. */
  #changes = 0;

  constructor(parts: KafkaDepthParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#ask(), POLL_MS).unref();
  }

  noteSize(lines: number, bytes: number): void {
    if (lines > 0) this.#lineBytes += (bytes / lines - this.#lineBytes) * Math.min(1, lines / 200);
  }

  notePublished(lines: number): void {
    this.#lines += lines;
    this.#changes += 1;
  }

  /** The group's place in a partition moved forward, over so many lines. */
  noteCommitted(partition: number, offset: number, lines: number): void {
    this.#lines = Math.max(0, this.#lines - lines);
    this.#changes += 1;
    this.#passMarks(partition, offset);
  }

  /** A reader has found the message at this place, which was written then. */
  noteFound(partition: number, offset: number, writtenMs: number): void {
    const marks = this.#marks.get(partition) ?? [];
    this.#marks.set(partition, marks);
    const [first] = marks;
    if (first === undefined) marks.push({ end: offset + 1, atMs: writtenMs, fromMs: writtenMs });
    else if (offset < first.end) {
      first.atMs = Math.min(first.atMs, writtenMs);
      first.fromMs = Math.max(first.fromMs, writtenMs);
    }
  }

  stats(): QueueStats {
    const oldest = [...this.#marks.values()].flatMap((marks) => marks[0] ?? []);
    const oldestMs = Math.min(...oldest.map(({ atMs }) => atMs));
    const ageMs = this.#lines > 0 && Number.isFinite(oldestMs) ? this.#parts.now() - oldestMs : 0;
    return {
      depthBytes: Math.round(this.#lines * this.#lineBytes),
      depthLines: this.#lines,
      ageSeconds: Math.max(0, ageMs / 1000),
      passedMs: Math.min(this.#answeredMs, oldestMs, ...oldest.map(({ fromMs }) => fromMs)),
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { topic, group } = this.#parts;
    const changes = this.#changes;
    const askedMs = this.#parts.now();
    try {
      const admin = await this.#parts.admin();
      const ends = await admin.fetchTopicOffsets(topic);
      const [places] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      let lines = 0;
      for (const { partition, low, high } of ends) {
        const committed = Number(places?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
        const from = Math.max(committed, Number(low));
        this.#mark(partition, Number(high), from);
        lines += Math.max(0, Number(high) - from);
      }
      if (changes === this.#changes) this.#lines = lines;
      this.#answeredMs = askedMs;
    } catch {
      // Kafka is away: what was known last stands, and `read` and `publish` tell of it.
    } finally {
      this.#isAsking = false;
    }
  }

  #mark(partition: number, end: number, passed: number): void {
    const marks = this.#marks.get(partition) ?? [];
    this.#marks.set(partition, marks);
    const last = marks.at(-1);
    if (end > Math.max(passed, last?.end ?? 0)) {
      if (last !== undefined && marks.length >= MAX_MARKS) last.end = end;
      // What was there at the first answer may be of any age; a reader may have found out how old.
      else marks.push({ end, atMs: this.#parts.now(), fromMs: this.#answeredMs || (last?.fromMs ?? 0) });
    }
    this.#passMarks(partition, passed);
  }

  #passMarks(partition: number, offset: number): void {
    const marks = this.#marks.get(partition);
    if (marks === undefined) return;
    const first = marks.findIndex(({ end }) => end > offset);
    marks.splice(0, first === -1 ? marks.length : first);
  }
}
