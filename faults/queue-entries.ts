/** What stands in a queue, read from its beginning to its end, as a server's writer would. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { Kafka, logLevel } from 'kafkajs';

export async function readRedis(url: string, stream: string): Promise<string[]> {
  const client = createClient({ url });
  await client.connect();
  const lines: string[] = [];
  try {
    for (let start = '-'; ; ) {
      const entries = (await client.xRange(stream, start, '+', { COUNT: 1_000 })) ?? [];
      for (const { message } of entries) lines.push(String(message.line));
      const last = entries.at(-1);
      if (last === undefined) return lines;
      start = `(${last.id}`;
    }
  } finally {
    client.destroy();
  }
}

/** A broker that was started again a moment ago may still turn a reader away. */
const KAFKA_TRIES = 5;

export async function readKafka(address: string, topic: string): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await readKafkaOnce(address, topic);
    } catch (error) {
      if (tries === KAFKA_TRIES) throw error;
      await sleep(2_000);
    }
  }
}

async function readKafkaOnce(address: string, topic: string): Promise<string[]> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(offsets.filter(({ low, high }) => low !== high).map((end) => [end.partition, Number(end.high)]));
  const lines: string[] = [];
  if (left.size === 0) return lines;
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // A consumer that gives up says so here only, and is silent from then on.
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      consumer.on(consumer.events.STOP, () => reject(new Error('the consumer stopped before it had read all')));
      void consumer
        .run({
          eachMessage: async ({ partition, message }) => {
            lines.push(String(message.value));
            if (Number(message.offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
            if (left.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return lines;
}
