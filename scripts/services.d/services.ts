import { clickhouse } from './clickhouse.ts';
import { kafka } from './kafka.ts';
import { loki } from './loki.ts';
import { mongodb } from './mongodb.ts';
import { opensearch } from './opensearch.ts';
import { redis } from './redis.ts';
import type { Service } from './service.ts';
import { toxiproxy } from './toxiproxy.ts';

export const SERVICES = { redis, kafka, mongodb, clickhouse, toxiproxy, loki, opensearch } as const satisfies Record<
  string,
  Service
>;

/** What the tests need; the others are for benchmarks, and slow to get or large. */
export const FOR_TESTS: readonly ServiceName[] = ['redis', 'kafka', 'mongodb', 'clickhouse', 'toxiproxy'];

export type ServiceName = keyof typeof SERVICES;

export function isServiceName(name: string): name is ServiceName {
  return Object.hasOwn(SERVICES, name);
}
