import { clickhouse } from './clickhouse.ts';
import { kafka } from './kafka.ts';
import { mongodb } from './mongodb.ts';
import { redis } from './redis.ts';
import type { Service } from './service.ts';
import { toxiproxy } from './toxiproxy.ts';

export const SERVICES = { redis, kafka, mongodb, clickhouse, toxiproxy } as const satisfies Record<string, Service>;

export type ServiceName = keyof typeof SERVICES;

export function isServiceName(name: string): name is ServiceName {
  return Object.hasOwn(SERVICES, name);
}
