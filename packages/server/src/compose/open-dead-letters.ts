/** Where dead letters are kept, as the settings name it; only its module is loaded, and with it only its driver. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { DeadLetterStore } from '../dead/dead-letter-store.ts';
import { DeadLetters, type DeadLettersStatus } from '../dead/dead-letters.ts';
import type { DeadLetterNews } from '../dead/desk.ts';
import { FileStore } from '../dead/file-store.ts';
import type { FillLevel } from '../dead/fill-watch.ts';
import { liveWebhook } from '../fallback/live-webhook.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Log } from '../log.ts';
import { redisUrl } from './open-queue.ts';

export const DEAD_LETTERS_TOPIC = 'logger.dead_letters';

const DAY_MS = 86_400_000;
const MAX_EARLY = 10;

type RecordEvent = (event: Readonly<Record<string, unknown>>) => Promise<unknown>;

export interface OpenDeadLettersParts {
  readonly config: LiveConfig;
  readonly log: Log;
  readonly now: () => number;
  readonly onOpen: (close: () => Promise<void>) => void;
}

export interface OpenedDeadLetters {
  readonly letters: DeadLetters;
  readonly tell: (news: DeadLetterNews) => void;
  /** Where the events of the topic go, once there is an ingest. */
  recordWith(record: RecordEvent): void;
}

export async function openDeadLetters({ config, log, now, onOpen }: OpenDeadLettersParts): Promise<OpenedDeadLetters> {
  let record: RecordEvent | undefined;
  /** Told before there was an ingest to take it: at most what the opening tells. */
  const early: Readonly<Record<string, unknown>>[] = [];
  const webhook = liveWebhook(() => config.alertWebhookUrl, log);
  onOpen(() => webhook.close());

  const tell = ({ level, message, fields }: DeadLetterNews): void => {
    log(level, message);
    enter({
      timestamp: new Date(now()).toISOString(),
      level,
      message,
      topic: DEAD_LETTERS_TOPIC,
      service: config.serviceName,
      host: hostname(),
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`dead_letters.${name}`, value])),
      'sampling.rule': 'ALWAYS',
      'sampling.rate': 1,
    });
  };
  const enter = (event: Readonly<Record<string, unknown>>): void => {
    if (record === undefined) {
      if (early.length < MAX_EARLY) early.push(event);
      return;
    }
    record(event).catch((error: unknown) => {
      log('warn', `the event of topic ${DEAD_LETTERS_TOPIC} could not be taken: ${String(error)}`);
    });
  };

  const local = await FileStore.open({ directory: join(config.dataDir, 'dead'), sync: config.fsync === 'always' });
  const letters = await DeadLetters.open({
    local,
    shared: await openSharedPlace(config, log),
    bounds: {
      get maxBytes() {
        return config.deadMaxBytes;
      },
      get maxLetters() {
        return config.deadMaxLetters;
      },
      get maxAgeMs() {
        return config.deadMaxDays * DAY_MS;
      },
    },
    onLevel: (level, status) => {
      const news = levelNews(level, status);
      tell(news);
      if (level !== 'room') webhook.post(`${config.serviceName} on ${hostname()}: ${news.message}`);
    },
    log,
    now,
  });
  onOpen(() => letters.close());
  return {
    letters,
    tell,
    recordWith(given) {
      record = given;
      for (const event of early.splice(0)) enter(event);
    },
  };
}

function openSharedPlace(config: LiveConfig, log: Log): Promise<DeadLetterStore> | undefined {
  const askedBy = `TAILRACE_DEAD_LETTERS=${config.deadLetters}`;
  const publishTimeoutMs = config.mqTimeoutMs;
  switch (config.deadLetters) {
    case 'file':
      return undefined;
    case 'redis':
      return import('../dead/redis-store.ts').then(({ openRedisStore }) =>
        openRedisStore({ url: redisUrl(config), stream: config.mqTopic, publishTimeoutMs, askedBy }, log),
      );
    case 'mongodb':
      return import('../dead/mongodb-store.ts').then(({ openMongoDeadLetters }) =>
        openMongoDeadLetters({ uri: config.mongodbUri ?? '', askedBy }),
      );
    case 'kafka':
      return import('../dead/kafka-store.ts').then(({ openKafkaDeadLetters }) =>
        openKafkaDeadLetters({ brokers: config.mqBrokers, topic: config.mqTopic, publishTimeoutMs, askedBy }),
      );
  }
}

function levelNews(level: FillLevel, { count, fill, discarded, place }: DeadLettersStatus): DeadLetterNews {
  const percent = Math.round(fill * 100);
  const fields = { action: level, count, fill_percent: percent, discarded, place };
  switch (level) {
    case 'room':
      return { level: 'info', message: `dead letters have room again: ${count}, ${percent} % of their bound`, fields };
    case 'near': {
      const message = `${count} dead letters are at ${percent} % of their bound: the oldest go when it is reached; replay or purge them`;
      return { level: 'warn', message, fields };
    }
    case 'losing': {
      const message = `dead letters are at their bound: ${discarded} of the oldest went since the start`;
      return { level: 'error', message, fields };
    }
  }
}
