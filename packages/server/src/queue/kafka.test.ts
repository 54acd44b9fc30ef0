import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cutConnections, cutWithinAnswers } from '../../../../tests/cut-connections.ts';
import { needService, type RunningService, startService } from '../../../../tests/services.ts';
import { type KafkaQueueOptions, openKafkaQueue } from './kafka.ts';
import { type BrokerQueueUnderTest, describeBrokerQueue } from './testing/broker-queue-contract.ts';
import { startReader } from './testing/child-reader.ts';
import { describeQueue } from './testing/queue-contract.ts';
import { NEVER, numbered, readUntil, readWhile } from './testing/read-lines.ts';

const shared = await needService('kafka');
/** The least that a broker allows. */
const SESSION_MS = 6000;

function underTest(service: RunningService): BrokerQueueUnderTest & { readonly options: KafkaQueueOptions } {
  const options: KafkaQueueOptions = {
    brokers: service.address,
    topic: `queue-${randomUUID()}`,
    group: `group-${randomUUID()}`,
    sessionTimeoutMs: SESSION_MS,
    publishTimeoutMs: 20_000,
  };
  return {
    kind: 'kafka',
    options,
    open: (more) => openKafkaQueue({ ...options, ...more }),
    putRaw: async (value) => {
      const producer = clientOf(service).producer();
      await producer.connect();
      await producer.send({ topic: options.topic ?? '', messages: [{ key: 'raw', value: value ?? null }] });
      await producer.disconnect();
    },
    cut: () => cutConnections(service.port),
  };
}

function clientOf(service: RunningService): Kafka {
  return new Kafka({ brokers: [service.address], logLevel: logLevel.NOTHING });
}

describe.skipIf(shared === undefined)('the queue on Kafka', () => {
  if (shared === undefined) return;

  describeQueue('kafka', async () => {
    const under = underTest(shared);
    return { open: () => under.open() };
  });

  describeBrokerQueue('kafka', {
    prepare: async () => underTest(shared),
    startOwn: async () => {
      const own = await startService('kafka');
      return own && { prepare: async () => underTest(own), kill: own.kill, start: own.start, close: own.close };
    },
    takeoverMs: SESSION_MS,
    slowDeath: { sessionTimeoutMs: 60_000 },
  });

  test('a connection that breaks within an answer leaves nothing behind for the next one', async () => {
    const under = underTest(shared);
    const queue = await under.open({ partitions: 1 });
    const published: string[] = [];
    const found = new Set<string>();
    for (const bytes of [2, 7, 40, 150]) {
      const lines = numbered(published.length + 1, published.length + 10);
      published.push(...lines);
      cutWithinAnswers(shared.port, bytes);
      await expect.poll(() => queue.publish(lines).then(() => true, String), { timeout: 20_000 }).toBe(true);
      await readWhile(queue, (more) => {
        for (const line of more.lines) found.add(line);
        return found.size < published.length;
      });
    }
    expect(found).toEqual(new Set(published));
    await queue.close();
  }, 90_000);

  test('a reader that died takes up its work under its name, long before its session has ended', async () => {
    const under = underTest(shared);
    const named = { ...under.options, sessionTimeoutMs: 120_000, readerName: `reader-${randomUUID()}` };
    const publisher = await under.open({ reads: false });
    await publisher.publish(numbered(1, 20));
    const child = startReader('kafka', named, 'keep');
    onTestFinished(() => child.kill());
    await expect.poll(() => new Set(child.lines).size, { timeout: 40_000 }).toBe(20);
    await child.kill();
    const heir = await openKafkaQueue(named);
    const { lines, end } = await readUntil(heir, 20);
    expect(new Set(lines)).toEqual(new Set(numbered(1, 20)));
    await heir.acknowledge(end);
    await publisher.publish(numbered(21, 40));
    await readUntil(heir, 20);
    // In order, it gives its place up: another one need not wait for it.
    await heir.close();
    const other = await under.open();
    expect(new Set((await readUntil(other, 20)).lines)).toEqual(new Set(numbered(21, 40)));
    await Promise.all([publisher.close(), other.close()]);
  }, 120_000);

  test('partitions that were added while a named reader was dead are read, too', async () => {
    const under = underTest(shared);
    const named = { ...under.options, sessionTimeoutMs: 120_000, readerName: `reader-${randomUUID()}`, partitions: 1 };
    const publisher = await under.open({ reads: false, partitions: 1 });
    await publisher.publish(numbered(1, 3));
    const child = startReader('kafka', named, 'keep');
    onTestFinished(() => child.kill());
    await expect.poll(() => new Set(child.lines).size, { timeout: 40_000 }).toBe(3);
    await child.kill();
    const admin = clientOf(shared).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: under.options.topic ?? '', count: 4 }] });
    await admin.disconnect();
    const heir = await openKafkaQueue(named);
    const later = await under.open({ reads: false });
    await later.publish(numbered(4, 30).map((line, i) => line.replace(/trace-\d/, `trace-${i}`)));
    expect((await readUntil(heir, 30)).lines).toHaveLength(30);
    await Promise.all([publisher.close(), later.close(), heir.close()]);
  }, 120_000);

  test('of two readers that live under one name, the older one goes on without it, and says so', async () => {
    const under = underTest(shared);
    const told: string[] = [];
    const named = { readerName: `reader-${randomUUID()}`, sessionTimeoutMs: 120_000 };
    const older = await under.open({ ...named, log: (_: string, message: string) => told.push(message) });
    await older.publish(numbered(1, 3));
    await readUntil(older, 3);
    const newer = await under.open(named);
    await expect
      .poll(
        async () => {
          await Promise.all([older, newer].map((queue) => queue.read(100, 100, NEVER)));
          return told.join('; ');
        },
        { timeout: 40_000 },
      )
      .toMatch(/another reader of group .* has joined as reader-.*host name of its own/);
    const found = new Set<string>();
    const published = numbered(4, 60).map((line, i) => line.replace(/trace-\d/, `trace-${i}`));
    await newer.publish(published);
    await expect
      .poll(
        async () => {
          const batches = await Promise.all([older, newer].map((queue) => queue.read(100, 100, NEVER)));
          for (const line of batches.flatMap(({ lines }) => lines)) found.add(line);
          return published.every((line) => found.has(line));
        },
        { timeout: 40_000 },
      )
      .toBe(true);
    expect(told.filter((message) => message.includes('has joined as'))).toHaveLength(1);
    await Promise.all([older.close(), newer.close()]);
  }, 120_000);

  test('offsets are committed for what is acknowledged, and for nothing else', async () => {
    const under = underTest(shared);
    const queue = await under.open({ partitions: 1 });
    await queue.publish(numbered(1, 10));
    const { end } = await readUntil(queue, 10);
    const place = async () => {
      const admin = clientOf(shared).admin();
      await admin.connect();
      const [found] = await admin.fetchOffsets({
        groupId: under.options.group ?? '',
        topics: [under.options.topic ?? ''],
      });
      await admin.disconnect();
      return Number(found?.partitions[0]?.offset);
    };
    await queue.publish(numbered(11, 15));
    await readUntil(queue, 5);
    expect(await place()).toBe(0);
    await queue.acknowledge(end);
    expect(await place()).toBe(10);
    await queue.close();
    expect(await place()).toBe(10);
  });

  test('places of partitions that have gone to another reader are left alone', async () => {
    const under = underTest(shared);
    const first = await under.open({ partitions: 1 });
    await first.publish(numbered(1, 10));
    const { end } = await readUntil(first, 10);
    await first.close();
    const second = await under.open();
    await readUntil(second, 10);
    await second.acknowledge(end);
    await second.close();
    const third = await under.open();
    expect(new Set((await readUntil(third, 10)).lines)).toEqual(new Set(numbered(1, 10)));
    await third.close();
  });

  test('a topic that may not be made is named by read and publish, and used as soon as it is there', async () => {
    const under = underTest(shared);
    const queue = await under.open({ createTopic: false });
    await expect(queue.publish(numbered(1, 1))).rejects.toMatchObject({ code: 'MISSING' });
    await expect
      .poll(() => queue.read(1, 50, NEVER).catch(String), { timeout: 15_000 })
      .toMatch(/there is no topic queue-/);
    const admin = clientOf(shared).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: under.options.topic ?? '' }], waitForLeaders: true });
    await admin.disconnect();
    await queue.publish(numbered(1, 1));
    expect((await readUntil(queue, 1)).lines).toEqual(numbered(1, 1));
    await queue.close();
  });

  test('lines that retention took before they were read are told aloud, and reading goes on behind them', async () => {
    const under = underTest(shared);
    const told: string[] = [];
    const log = (_: string, message: string) => told.push(message);
    const first = await under.open({ partitions: 1 });
    await first.publish(numbered(1, 10));
    await first.acknowledge((await readUntil(first, 10)).end);
    await first.close();
    const publisher = await under.open({ reads: false });
    await publisher.publish(numbered(11, 30));
    const admin = clientOf(shared).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(under.options.topic ?? '');
    await admin.deleteTopicRecords({ topic: under.options.topic ?? '', partitions: [{ partition: 0, offset: '20' }] });
    await admin.disconnect();
    const second = await under.open({ log });
    expect((await readUntil(second, 10)).lines).toEqual(numbered(21, 30));
    expect(told.join('; ')).toMatch(/offsets 10 to 19 are no longer there/);
    await Promise.all([publisher.close(), second.close()]);
  });
});
