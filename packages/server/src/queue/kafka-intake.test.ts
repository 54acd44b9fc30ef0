import type { Admin, EachBatchPayload } from 'kafkajs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KafkaDepth } from './kafka-depth.ts';
import { KafkaIntake } from './kafka-intake.ts';

const TOPIC = 'events';
const GROUP = 'writers';
const NOW = Date.parse('2026-11-22T09:00:00.000Z');
const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A partition with messages 0 to 9, all of which the group has passed; what the client has fetched began at `fetchedAt`. */
function openIntake() {
  const fake = {
    fetchTopicOffsets: async () => [{ partition: 0, offset: '10', low: '0', high: '10' }],
    fetchOffsets: async () => [{ topic: TOPIC, partitions: [{ partition: 0, offset: '10', metadata: '' }] }],
  };
  // Nothing else of it is called.
  const admin = async () => fake as unknown as Admin;
  const depth = new KafkaDepth({ admin, topic: TOPIC, group: GROUP, now: Date.now });
  const intake = new KafkaIntake({
    admin,
    topic: TOPIC,
    group: GROUP,
    log: () => {},
    bufferBytes: 1_000_000,
    maxLineBytes: 1_000,
    depth,
    consumer: () => undefined,
    tellNotes: async () => {},
    onLetGo: () => {},
    onSuccess: () => {},
  });
  intake.takeAssignment({ [TOPIC]: [0] });
  return { depth, intake };
}

function batchFrom(offset: number, writtenMs: number): EachBatchPayload {
  const payload = {
    batch: {
      topic: TOPIC,
      partition: 0,
      fetchedOffset: String(offset),
      messages: [{ offset: String(offset), timestamp: String(writtenMs), value: Buffer.from('{}') }],
      lastOffset: () => String(offset),
      firstOffset: () => String(offset),
    },
    resolveOffset: () => {},
  };
  return payload as unknown as EachBatchPayload;
}

test("a message that was fetched before the group's place, and passed meanwhile, does not count as waiting", async () => {
  const { depth, intake } = openIntake();
  await intake.takeBatch(batchFrom(7, NOW - HOUR_MS));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(intake.takeEntries(10)).toEqual([]);
  expect(depth.stats().passedMs).toBeGreaterThan(NOW);
  depth.close();
});

test('the first message that is taken tells how long the queue has waited', async () => {
  const { depth, intake } = openIntake();
  await intake.takeBatch(batchFrom(10, NOW - HOUR_MS));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(intake.takeEntries(10)).toHaveLength(1);
  expect(depth.stats().passedMs).toBe(NOW - HOUR_MS);
  intake.noteCommitted(0, 11);
  expect(depth.stats().passedMs).toBeGreaterThan(NOW);
  depth.close();
});
