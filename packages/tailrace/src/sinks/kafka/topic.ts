/** The topic: made where it isn't there and may be made, or named in an error that says how to make it. */
import type { Admin } from 'kafkajs';
import { BrokerError, messageOf } from '../broker-error.ts';
import { type KafkaDriver, kafkaErrorType, toBrokerError, triesOf } from './driver.ts';
import type { KafkaSettings } from './options.ts';

/** Lines are bounded at a mebibyte by the server: a message that holds one, its key and headers must fit in. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const ASK_AGAIN_MS = 100;

/** @throws BrokerError `MISSING` where it isn't there and can't be made. */
export async function openTopic(driver: KafkaDriver, settings: KafkaSettings): Promise<void> {
  const admin = driver.kafka.admin({ retry: { initialRetryTime: 100, retries: triesOf(settings) } });
  try {
    await admin.connect();
    await ensureTopic(admin, settings);
  } finally {
    void admin.disconnect().catch(() => {});
  }
}

type TopicAdmin = Pick<Admin, 'createTopics' | 'fetchTopicMetadata'>;

/** @throws BrokerError `MISSING` where it isn't there and can't be made. */
export async function ensureTopic(admin: TopicAdmin, settings: KafkaSettings): Promise<void> {
  const { topic } = settings;
  if (await isThere(admin, settings)) return;
  if (!settings.createTopic) throw missing(settings, 'and createTopic is false');
  try {
    await admin.createTopics({
      waitForLeaders: true,
      timeout: settings.publishTimeoutMs,
      topics: [
        {
          topic,
          numPartitions: settings.partitions,
          ...(settings.replicationFactor !== undefined && { replicationFactor: settings.replicationFactor }),
          configEntries: [{ name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) }],
        },
      ],
    });
  } catch (error) {
    if (await isThere(admin, settings).catch(() => false)) return;
    const type = kafkaErrorType(error);
    // It is made, and the broker that was asked after it had not heard of it yet.
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' && (await comesUp(admin, settings))) return;
    if (type === undefined) throw toBrokerError(error, `making topic ${topic}`, settings);
    throw missing(settings, `and it can't be made: ${messageOf(error)}`);
  }
}

async function comesUp(admin: TopicAdmin, settings: KafkaSettings): Promise<boolean> {
  const untilMs = performance.now() + settings.publishTimeoutMs;
  while (performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    if (await isThere(admin, settings)) return true;
  }
  return false;
}

async function isThere(admin: TopicAdmin, settings: KafkaSettings): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [settings.topic] });
    return topics.some(({ name, partitions }) => name === settings.topic && partitions.length > 0);
  } catch (error) {
    if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
    throw toBrokerError(error, `looking for topic ${settings.topic}`, settings);
  }
}

function missing(settings: KafkaSettings, why: string): BrokerError {
  return new BrokerError(
    'MISSING',
    `Kafka at ${settings.brokers.join(', ')}: there is no topic ${settings.topic}, ${why}; make it: ` +
      `kafka-topics.sh --bootstrap-server ${settings.brokers[0]} --create --topic ${settings.topic} --partitions ${settings.partitions}`,
  );
}
