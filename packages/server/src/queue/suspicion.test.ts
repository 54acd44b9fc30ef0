/**
 * The law of suspicion, over a model of each broker: whichever lines kill their reader, each of the others is stored, each of
 * these ends as unreadable, and no more readers die than has to be. Marks and notes are made and read by the code that does
 * it in earnest; only what Redis and Kafka keep of them is played.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KafkaCommits } from './kafka-commits.ts';
import { followNotes, newPartition, suspicionAt } from './kafka-partition.ts';
import { KafkaSuspects } from './kafka-suspects.ts';
import { ReadBuffer, type ReadEntry } from './read-buffer.ts';
import { RedisGroup } from './redis-group.ts';
import { reasonToPutAside } from './suspicion.ts';

const MAX_LINES = 500;
/** What a group has in hand before its readers begin to die. */
const MAX_FETCHED = 2000;

type Entry = ReadEntry<number>;

/** A reader's life, from its start to its death, or to the end of the work. */
interface Life {
  readonly buffer: ReadBuffer<number>;
  mark(run: readonly Entry[]): Promise<void>;
  /** The reader has come back for more. */
  unmark(): Promise<void>;
  /** The store has these, or the dead letters do. */
  settle(run: readonly Entry[]): Promise<void>;
}

interface Broker {
  /** The next reader begins, after the last one has ended or died. */
  begin(): Promise<Life>;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function entry(place: number, suspicion: Entry['suspicion']): Entry {
  return { place, line: String(place), bytes: 1, suspicion };
}

/** Redis counts how often an entry was handed out, and has a hash for the marks. */
function redis(lines: number): Broker {
  const deliveries = new Map(Array.from({ length: lines }, (_, i) => [i, 0]));
  const marks = new Map<string, string>();
  const command = async ([name, , ...args]: readonly string[]): Promise<unknown> => {
    if (name === 'HMGET') return args.map((id) => marks.get(id) ?? null);
    if (name === 'HDEL') for (const id of args) marks.delete(id);
    if (name === 'HSET') for (let i = 0; i < args.length; i += 2) marks.set(args[i] ?? '', args[i + 1] ?? '');
    return 0;
  };
  return {
    async begin() {
      const group = new RedisGroup({ ...GROUP, connection: { command } });
      const suspects: string[] = [];
      for (const [id, count] of deliveries) {
        deliveries.set(id, count + 1);
        if (count + 1 >= 3) suspects.push(String(id));
      }
      const suspicions = await group.suspicionsOf(suspects);
      const buffer = new ReadBuffer<number>();
      buffer.push([...deliveries.keys()].map((id) => entry(id, suspicions.get(String(id)))));
      let marked: readonly string[] = [];
      return {
        buffer,
        async mark(run) {
          await group.mark(run.map((each) => ({ ...each, place: String(each.place) })));
          marked = run.map(({ place }) => String(place));
        },
        async unmark() {
          if (marked.length > 0) await group.unmark(marked);
          marked = [];
        },
        async settle(run) {
          for (const { place } of run) {
            deliveries.delete(place);
            marks.delete(String(place));
          }
        },
      };
    },
  };
}

const GROUP = { stream: 's', group: 'g', consumer: 'c', createStream: true, leaseMs: 1000, timeoutMs: 1000 };

/** Kafka keeps the group's place, and a text beside it. */
function kafka(lines: number): Broker {
  const kept = { place: 0, metadata: '' };
  return {
    async begin() {
      const partition = newPartition(0, 1);
      partition.committed = kept.place;
      partition.notes = followNotes(kept.metadata);
      const commits = new KafkaCommits({
        topic: 't',
        timeoutMs: 1000,
        partitions: () => [partition],
        consumer: () => ({
          async commitOffsets([place]) {
            kept.place = Number(place?.offset);
            kept.metadata = place?.metadata ?? '';
            expect(Buffer.byteLength(kept.metadata)).toBeLessThan(4096);
            partition.committed = kept.place;
          },
        }),
      });
      const suspects = new KafkaSuspects(commits);
      await commits.tellNotes(partition, kept.place);
      const buffer = new ReadBuffer<number>();
      const left = Array.from({ length: lines - kept.place }, (_, i) => kept.place + i);
      buffer.push(left.map((offset) => entry(offset, suspicionAt(partition.notes, offset, 0))));
      return {
        buffer,
        async mark(run) {
          const [from = 0, last = 0] = [run[0]?.place, run.at(-1)?.place];
          await suspects.mark(partition, { from, to: last + 1, lines: run.length });
        },
        unmark: () => suspects.clear(buffer.first?.suspicion === undefined ? undefined : 0),
        async settle(run) {
          partition.acknowledged = (run.at(-1)?.place ?? 0) + 1;
          await commits.flush();
        },
      };
    },
  };
}

interface Outcome {
  readonly stored: readonly number[];
  readonly dead: readonly number[];
  readonly deaths: number;
  readonly handedOut: number;
}

/** @param killAt - somebody kills the reader that has the so-manieth run in hand */
async function work(broker: Broker, poison: ReadonlySet<number>, killAt = -1): Promise<Outcome> {
  const stored: number[] = [];
  const dead: number[] = [];
  let deaths = 0;
  let handedOut = 0;
  for (;;) {
    const life = await broker.begin();
    let hasDied = false;
    for (;;) {
      await life.unmark();
      const run = life.buffer.take(MAX_LINES, MAX_FETCHED);
      if (run.length === 0) break;
      const { suspicion } = run[0] ?? {};
      const isPutAside = reasonToPutAside(suspicion) !== undefined;
      if (suspicion !== undefined && !isPutAside) await life.mark(run);
      handedOut += 1;
      hasDied = !isPutAside && (handedOut === killAt || run.some(({ place }) => poison.has(place)));
      if (hasDied) break;
      (isPutAside ? dead : stored).push(...run.map(({ place }) => place));
      await life.settle(run);
    }
    if (!hasDied) return { stored, dead, deaths, handedOut };
    deaths += 1;
    if (deaths > 1000) throw new Error('the readers die without end');
  }
}

describe.each([
  { name: 'redis', open: redis, untilSuspicion: 2, perPoison: 4 },
  // Behind a line that was put aside, reading begins anew: what else kills has to show it again.
  { name: 'kafka', open: kafka, untilSuspicion: 2, perPoison: 6 },
])('suspicion, over $name', ({ open, untilSuspicion, perPoison }) => {
  const lineCount = fc.integer({ min: 1, max: MAX_FETCHED });
  const places = fc.array(fc.nat(MAX_FETCHED - 1), { maxLength: 6 });
  const killAt = fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 60 }));

  test('each innocent line is stored once, each line that kills ends as unreadable, and few readers die of it', async () => {
    await fc.assert(
      fc.asyncProperty(lineCount, places, killAt, async (lines, at, kill) => {
        const poison = new Set(at.filter((place) => place < lines));
        const { stored, dead, deaths, handedOut } = await work(open(lines), poison, kill);
        const all = Array.from({ length: lines }, (_, i) => i);
        expect(stored.toSorted((a, b) => a - b)).toEqual(all.filter((place) => !poison.has(place)));
        expect(dead.toSorted((a, b) => a - b)).toEqual([...poison].sort((a, b) => a - b));
        const killed = kill === -1 ? 0 : 3;
        expect(deaths).toBeLessThanOrEqual(
          untilSuspicion * Math.min(1, poison.size) + perPoison * poison.size + killed,
        );
        expect(handedOut).toBeLessThanOrEqual((poison.size + 1) * 150);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    [1000, 1],
    [2000, 1],
  ])('of %i lines that kill nobody, none goes the slow way, whoever killed the readers', async (lines, readers) => {
    const broker = open(lines);
    for (let i = 0; i < untilSuspicion * readers; i += 1) await broker.begin();
    const { stored, deaths, handedOut } = await work(broker, new Set());
    expect(stored).toHaveLength(lines);
    expect(deaths).toBe(0);
    expect(handedOut).toBeLessThanOrEqual(Math.ceil(Math.log2(lines)) + lines / MAX_LINES);
  });

  test('one line of 1,000 costs four deaths more, and some hundred runs', async () => {
    for (const place of [0, 1, 2, 63, 64, 500, 998, 999]) {
      const { dead, deaths, handedOut } = await work(open(1000), new Set([place]));
      expect(dead).toEqual([place]);
      expect(deaths).toBeLessThanOrEqual(untilSuspicion + 4);
      expect(handedOut).toBeLessThanOrEqual(120);
    }
  });
});
