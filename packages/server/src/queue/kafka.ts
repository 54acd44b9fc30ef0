/** The queue on Kafka: the library's writing half, and a reader in a group (kafka-reader.ts). */
import type { Admin, Kafka } from 'kafkajs';
import { BrokerError, type KafkaOptions, openKafkaConnections } from 'tailrace/sinks/kafka';
import { KafkaDepth } from './kafka-depth.ts';
import { KafkaMembership } from './kafka-membership.ts';
import { KafkaReader } from './kafka-reader.ts';
import { publishLines } from './publish-lines.ts';
import type { Queue } from './queue.ts';

export interface KafkaQueueOptions extends KafkaOptions {
  /** The group of writers that shares the topic. @defaultValue `tailrace-writers` */
  readonly group?: string;
  /** False where this process only publishes: no reader joins the group. @defaultValue true */
  readonly reads?: boolean;
  /**
   * A reader that isn't heard of for so long is dead, and its partitions go to others, in milliseconds. The broker has bounds for
   * it, 6 s and 30 min if it isn't told otherwise. @defaultValue 15000
   */
  readonly sessionTimeoutMs?: number;
  /**
   * The reader's name in its group, if it has one of its own that survives its restart: a reader that died takes up its
   * work again as soon as it is back, in place of after `sessionTimeoutMs`. Kafka lets in one reader under a name; at
   * most 249 of `a`–`z`, `A`–`Z`, `0`–`9`, `.`, `_` and `-`. @defaultValue it has none
   */
  readonly readerName?: string;
  /** Lines read ahead of the writer, and the lines of one batch, in bytes. @defaultValue 8 MiB */
  readonly bufferBytes?: number;
  /** A longer line is a dead letter, in bytes. @defaultValue 8 MiB */
  readonly maxLineBytes?: number;
  /** So many lines may be in the writer's hands before more are read. @defaultValue 500000 */
  readonly maxUnacknowledgedLines?: number;
  /** @defaultValue nothing is told */
  readonly log?: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now?: () => number;
}

const MIB = 1024 * 1024;

/**
 * A broker that is away is no error here: `publish` and `read` tell of it, and work again when it is back.
 *
 * @throws TypeError where the options are wrong, MissingDriverError where `kafkajs` isn't installed.
 */
export async function openKafkaQueue(options: KafkaQueueOptions): Promise<Queue> {
  const {
    group = 'tailrace-writers',
    reads = true,
    sessionTimeoutMs = 15_000,
    readerName,
    bufferBytes = 8 * MIB,
    maxLineBytes = 8 * MIB,
    maxUnacknowledgedLines = 500_000,
    log = () => {},
    now = Date.now,
    ...given
  } = options;
  let reader: KafkaReader | undefined;
  const membership = new KafkaMembership({ name: readerName, group, log });
  const connections = await openKafkaConnections(given, {
    onError: (message) => reader?.noteClientError(message),
    memberName: () => membership.name,
  });
  const { settings, publisher, client, patientClient } = connections;
  if (!isKafka(client) || !isKafka(patientClient))
    throw new TypeError('the package kafkajs has another shape than expected');
  const { topic, publishTimeoutMs: timeoutMs } = settings;
  const admin = openAdmin(client);
  const depth = new KafkaDepth({ admin: admin.get, topic, group, now });
  if (reads) {
    reader = new KafkaReader({
      ...connections,
      kafka: patientClient,
      admin: admin.get,
      membership,
      topic,
      group,
      sessionTimeoutMs,
      timeoutMs,
      bufferBytes,
      maxLineBytes,
      maxUnacknowledged: maxUnacknowledgedLines,
      depth,
      log,
    });
  }

  return {
    placeIn: 'broker',
    async publish(lines) {
      const bytes = await publishLines(publisher, lines);
      depth.noteSize(lines.length, bytes);
      depth.notePublished(lines.length);
    },
    seek: () => Promise.resolve(),
    async read(maxLines, waitMs, signal, isMore = false) {
      if (reader === undefined) throw new BrokerError('FAILED', 'this queue was opened with `reads: false`');
      return reader.read(maxLines, waitMs, signal, isMore);
    },
    acknowledge: async (position) => reader?.acknowledge(position),
    stats: () => depth.stats(),
    async close() {
      depth.close();
      await reader?.close();
      await publisher.close();
      await admin.close();
    },
  };
}

function isKafka(client: unknown): client is Kafka {
  return typeof client === 'object' && client !== null && 'consumer' in client && 'admin' in client;
}

/** One connection for questions, made when the first is asked, and made anew after it failed to connect. */
function openAdmin(kafka: Kafka): { readonly get: () => Promise<Admin>; readonly close: () => Promise<void> } {
  let admin: Promise<Admin> | undefined;
  const open = async (): Promise<Admin> => {
    const opened = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 3 } });
    await opened.connect();
    return opened;
  };
  return {
    get() {
      admin ??= open();
      admin.catch(() => {
        admin = undefined;
      });
      return admin;
    },
    async close() {
      const opened = await admin?.catch(() => undefined);
      await opened?.disconnect().catch(() => {});
    },
  };
}
