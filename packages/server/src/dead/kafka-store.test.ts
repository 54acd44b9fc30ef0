import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { needService } from '../../../../tests/services.ts';
import { openKafkaDeadLetters } from './kafka-store.ts';
import { allOf, deadLetterStoreContract, letter } from './testing/dead-letter-store-contract.ts';

const service = await needService('kafka');

describe.skipIf(service === undefined)('dead letters in Kafka', () => {
  const brokers = service?.address ?? '';
  const remove = async (topic: string) => {
    const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [`${topic}-dead`] });
    await admin.disconnect();
  };
  const open = async () => {
    const topic = `dead-${randomUUID()}`;
    const openOne = () => openKafkaDeadLetters({ brokers, topic });
    return { topic, store: await openOne(), reopen: openOne, remove: () => remove(topic) };
  };
  // A reader takes 3 s to be let into its group.
  deadLetterStoreContract(open, { isShared: true, runs: 2 });

  test('the topic is compacted, and a letter that is gone is a key without a value', async () => {
    const { topic, store } = await open();
    await store.put([letter(1), letter(2)]);
    expect(await store.remove(['dddddddd-1'])).toBe(1);
    expect(await allOf(store)).toEqual([letter(2)]);
    const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: `${topic}-dead`, configNames: ['cleanup.policy'] }],
    });
    expect(resources[0]?.configEntries[0]?.configValue).toBe('compact');
    expect(await admin.fetchTopicOffsets(`${topic}-dead`)).toMatchObject([{ high: '3' }]);
    await admin.disconnect();
    await store.close();
    await remove(topic);
  });
});

test('a Kafka that is away is told of, and nothing hangs', async () => {
  const store = await openKafkaDeadLetters({ brokers: '127.0.0.1:1', publishTimeoutMs: 1000 });
  await expect(store.put([letter(1)])).rejects.toThrow('127.0.0.1:1');
  await store.close();
}, 30_000);
