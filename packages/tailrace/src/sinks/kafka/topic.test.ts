import { expect, test } from 'vitest';
import { readKafkaOptions } from './options.ts';
import { ensureTopic } from './topic.ts';

/** A Kafka whose brokers hear of a new topic only after so many questions. It can't be had to order. */
function slowKafka(questions: number) {
  const unknown = Object.assign(new Error('This server does not host this topic-partition'), {
    type: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
  let made = 0;
  let left = questions;
  return {
    made: () => made,
    async createTopics(): Promise<boolean> {
      made += 1;
      throw unknown;
    },
    async fetchTopicMetadata() {
      if (made === 0 || left > 0) {
        left -= made;
        throw unknown;
      }
      const partition = { partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [1], isr: [1] };
      return { topics: [{ name: 'events', partitions: [partition] }] };
    },
  };
}

const settings = (publishTimeoutMs: number) =>
  readKafkaOptions({ brokers: '127.0.0.1:9092', topic: 'events', publishTimeoutMs });

test('a topic that was made, and that the broker has not heard of yet, is waited for', async () => {
  const admin = slowKafka(3);
  await ensureTopic(admin, settings(5000));
  expect(admin.made()).toBe(1);
});

test('a topic that does not come up in time is named', async () => {
  await expect(ensureTopic(slowKafka(Number.POSITIVE_INFINITY), settings(300))).rejects.toMatchObject({
    code: 'MISSING',
    message: expect.stringContaining('there is no topic events'),
  });
});
