/** The client's consumer, as a reader needs it: nothing committed by itself, little fetched at once, patient with brokers. */
import type { Consumer, ConsumerGroupJoinEvent, Kafka } from 'kafkajs';

export interface ConsumerListeners {
  readonly onJoin: (joined: ConsumerGroupJoinEvent['payload']) => void;
  readonly onRebalancing: () => void;
  readonly onHeartbeat: () => void;
  readonly onCommitted: (partition: number, offset: number) => void;
}

const FETCH_WAIT_MS = 250;
/** What one fetch may bring, as sent (compressed): lines are ten times that or so. One batch comes whole, however large. */
const FETCH_BYTES = 512 * 1024;
const PARTITION_BYTES = 64 * 1024;

/** `crashed` rejects when the client has given up. */
export function openConsumer(
  kafka: Kafka,
  { group, sessionTimeoutMs }: { readonly group: string; readonly sessionTimeoutMs: number },
  listeners: ConsumerListeners,
): { readonly consumer: Consumer; readonly crashed: Promise<never> } {
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
    heartbeatInterval: Math.min(3000, Math.floor(sessionTimeoutMs / 6)),
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30, restartOnFailure: async () => false },
  });
  const { events } = consumer;
  consumer.on(events.GROUP_JOIN, ({ payload }) => listeners.onJoin(payload));
  consumer.on(events.REBALANCING, () => listeners.onRebalancing());
  consumer.on(events.HEARTBEAT, () => listeners.onHeartbeat());
  consumer.on(events.COMMIT_OFFSETS, ({ payload }) => {
    for (const { partitions } of payload.topics) {
      for (const { partition, offset } of partitions) listeners.onCommitted(partition, Number(offset));
    }
  });
  const crashed = new Promise<never>((_, reject) => {
    consumer.on(events.CRASH, ({ payload }) => reject(payload.error));
  });
  // It may come when nobody waits for it: before the first batch, or after the end.
  crashed.catch(() => {});
  return { consumer, crashed };
}
