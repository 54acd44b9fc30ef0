import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { cutConnections } from '../../../../../tests/cut-connections.ts';
import { needService, type OwnService, startService } from '../../../../../tests/services.ts';
import { toBatch } from '../../delivery/sink.ts';
import { sinkContract } from '../../delivery/sink-contract.ts';
import { createSink, openKafkaPublisher } from './index.ts';

const shared = await needService('kafka');
const never = new AbortController().signal;
const event = (sequence: number, fields: object = {}): string =>
  JSON.stringify({ schema: 'tailrace/event/v1', event_id: `0mb1x9k3fqz7a-${sequence}`, ...fields });

interface Found {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly id: string;
}

/** All of a topic, from its beginning to the end that it has now. */
async function readTopic(address: string, topic: string): Promise<Found[]> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const isThere = (await admin.listTopics()).includes(topic);
  const ends = isThere ? await admin.fetchTopicOffsets(topic) : [];
  await admin.disconnect();
  const left = new Map(ends.filter(({ low, high }) => low !== high).map((end) => [end.partition, Number(end.high)]));
  const found: Found[] = [];
  if (left.size === 0) return found;
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ partition, message }) => {
        found.push({
          partition,
          key: String(message.key),
          value: String(message.value),
          id: String(message.headers?.['tailrace-id']),
        });
        if (Number(message.offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
        if (left.size === 0) resolve();
      },
    });
  });
  await consumer.disconnect();
  return found;
}

describe.skipIf(shared === undefined)('the sink of Kafka', () => {
  const address = shared?.address ?? '';
  let topic = '';
  for (const { name, run } of sinkContract({
    create: () => {
      topic = `sink-${randomUUID()}`;
      return createSink({ brokers: address, topic }, { notice: () => {} });
    },
    delivered: async () => (await readTopic(address, topic)).map(({ id }) => id),
  })) {
    test(`contract: ${name}`, run);
  }

  test('a line travels as it is, keyed by trace, else request, else producer, in order within its key', async () => {
    const publisher = await openKafkaPublisher({ brokers: address, topic: `keys-${randomUUID()}` });
    const name = `keys-${randomUUID()}`;
    const sink = await createSink({ brokers: [address], topic: name }, { notice: () => {} });
    const lines = [
      event(1, { trace_id: 'aa', request_id: 'r' }),
      event(2, { request_id: 'r2' }),
      event(3),
      event(4, { trace_id: 'aa' }),
      '{"schema":"tailrace/ledger/v1","producer":"0mb1x9k3fqz7a","note":"한국어"}',
    ];
    expect(await sink.send(toBatch(lines.map((line) => Buffer.from(line))), never)).toEqual({ kind: 'delivered' });
    const found = await readTopic(address, name);
    expect(new Set(found.map(({ value }) => value))).toEqual(new Set(lines));
    const keyOf = (index: number) => found.find(({ value }) => value === lines[index])?.key;
    expect([0, 1, 2, 3, 4].map(keyOf)).toEqual(['aa', 'r2', '0mb1x9k3fqz7a', 'aa', '0mb1x9k3fqz7a']);
    expect(found.filter(({ key }) => key === 'aa').map(({ value }) => value)).toEqual([lines[0], lines[3]]);
    await publisher.close();
    await sink.close?.();
  });

  test('a line that is too large for the broker is refused alone, and the others arrive', async () => {
    const name = `large-${randomUUID()}`;
    const sink = await createSink({ brokers: address, topic: name, compression: 'none' }, { notice: () => {} });
    const lines = [event(1), event(2, { text: 'x'.repeat(3_000_000) }), event(3)];
    const outcome = await sink.send(toBatch(lines.map((line) => Buffer.from(line))), never);
    expect(outcome).toMatchObject({ kind: 'partial', retry: [], refused: [{ index: 1 }] });
    const ids = (await readTopic(address, name)).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set(['0mb1x9k3fqz7a-1', '0mb1x9k3fqz7a-3']));
    await sink.close?.();
  });

  test('a topic that may not be made is named, with the command that makes it', async () => {
    const notices: string[] = [];
    const sink = await createSink(
      { brokers: address, topic: `absent-${randomUUID()}`, createTopic: false },
      { notice: (_, message) => notices.push(message) },
    );
    const outcome = await sink.send(toBatch([Buffer.from(event(1))]), never);
    expect(outcome).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/there is no topic absent-.*--create/),
    });
    expect(notices).toHaveLength(1);
    await sink.close?.();
  });

  test('with its connections cut again and again, every confirmed line is in the topic', async () => {
    const name = `cuts-${randomUUID()}`;
    const publisher = await openKafkaPublisher({ brokers: address, topic: name });
    await publisher.publish([event(1)]);
    const confirmed: string[] = [event(1)];
    let cuts = 0;
    for (let round = 0; round < 40; round += 1) {
      // As many lines each time: what would be taken for a repetition of the last has the same numbers.
      const lines = Array.from({ length: 5 }, (_, i) => event(10 + round * 5 + i));
      const published = publisher.publish(lines).then(
        () => confirmed.push(...lines),
        () => {},
      );
      if (round % 3 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        cuts += cutConnections(Number(address.split(':')[1]));
      }
      await published;
    }
    expect(cuts).toBeGreaterThan(0);
    const there = new Set((await readTopic(address, name)).map(({ value }) => value));
    expect(confirmed.filter((line) => !there.has(line))).toEqual([]);
    await publisher.close();
  });
});

describe('a broker that is away', () => {
  test('publishing fails within its bound, and says where', async () => {
    const publisher = await openKafkaPublisher({ brokers: '127.0.0.1:1', publishTimeoutMs: 2000 });
    await expect(publisher.publish([event(1)])).rejects.toMatchObject({
      code: expect.stringMatching(/UNREACHABLE|TIMEOUT/),
      message: expect.stringContaining('127.0.0.1:1'),
    });
    await publisher.close();
  });

  test('options are checked all at once, and a password is never repeated', async () => {
    const opened = openKafkaPublisher({
      brokers: 'kafka://user:hunter2@host',
      topic: 'a topic',
      partitions: 0,
    });
    await expect(opened).rejects.toThrow(/host:port.*topic "a topic".*|partitions/);
    await expect(opened).rejects.not.toThrow(/hunter2/);
  });

  let own: OwnService | undefined;
  test('killed with kill -9 under traffic, it has every confirmed line when it is back', async ({ skip }) => {
    own = await startService('kafka');
    if (own === undefined) return skip('Kafka is not installed');
    const publisher = await openKafkaPublisher({ brokers: own.address, topic: 'kill', publishTimeoutMs: 3000 });
    const confirmed: string[] = [];
    let failures = 0;
    let sequence = 0;
    let isDone = false;
    const traffic = (async () => {
      while (!isDone) {
        const lines = Array.from({ length: 20 }, () => event(++sequence));
        await publisher.publish(lines).then(
          () => confirmed.push(...lines),
          () => {
            failures += 1;
          },
        );
      }
    })();
    await expect.poll(() => confirmed.length, { timeout: 20_000 }).toBeGreaterThan(100);
    await own.kill();
    await expect.poll(() => failures, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = confirmed.length;
    await own.start();
    await expect.poll(() => confirmed.length, { timeout: 30_000 }).toBeGreaterThan(before + 100);
    isDone = true;
    await traffic;
    const there = new Set((await readTopic(own.address, 'kill')).map(({ value }) => value));
    expect(confirmed.filter((line) => !there.has(line))).toEqual([]);
    await publisher.close();
    await own.close();
  }, 90_000);
});
