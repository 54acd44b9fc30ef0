/** What each setting accepts: one schema a key, which turns what stands in a variable or a YAML file into a value. */
import { MAX_LINE_BYTES } from 'tailrace/spool';
import { z } from 'zod';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** What a process can do: take events in, write them into the store, answer questions. */
export const ROLES = ['ingest', 'write', 'query'] as const;
export type Role = (typeof ROLES)[number];

function integer(min: number, max: number, standard: number) {
  return z.preprocess(asNumber, z.int().min(min).max(max).default(standard));
}

function bytes(min: number, max: number, standard: number) {
  return z.preprocess(asBytes, z.int().min(min).max(max).default(standard));
}

function seconds(min: number, max: number, standard: number) {
  return z.preprocess(asNumber, z.number().min(min).max(max).default(standard));
}

function list<T extends z.ZodType>(items: T) {
  return z.preprocess(asList, items);
}

function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : value;
}

function asBytes(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const match = /^(\d+)\s*(KiB|MiB|GiB)?$/i.exec(value.trim());
  if (match === null) return value;
  const unit = { kib: KIB, mib: MIB, gib: GIB }[match[2]?.toLowerCase() ?? ''] ?? 1;
  return Number(match[1]) * unit;
}

function asFsync(value: unknown): unknown {
  if (value === 'off' || value === 'always') return value;
  // A bare `off` is a boolean in YAML 1.1, and some people's editors write it so.
  return value === false ? 'off' : asNumber(value);
}

function asBoolean(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  return ['false', '0', 'no', 'off'].includes(text) ? false : value;
}

function asList(value: unknown): unknown {
  return typeof value === 'string'
    ? value
        .split(',')
        .map((item) => item.trim().toLowerCase())
        .filter((item) => item !== '')
    : value;
}

function asWord(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().toLowerCase() : value;
}

const key = z
  .string()
  .min(16)
  .max(512)
  .regex(/^[\x21-\x7e]+$/)
  .optional();

function url(...protocols: readonly string[]) {
  return z
    .string()
    .max(2048)
    .refine((text) => protocols.some((protocol) => text.startsWith(`${protocol}://`)))
    .optional();
}

const httpUrl = url('http', 'https').refine((text) => text === undefined || URL.canParse(text));
const address = z.string().regex(/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/);
/** Legal as a Kafka topic and as a key in Redis. */
const name = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/);

export const SCHEMAS = {
  port: integer(0, 65_535, 7300),
  host: z.string().min(1).max(255).default('127.0.0.1'),
  basePath: z
    .string()
    .regex(/^\/?$|^(?:\/[A-Za-z0-9._~-]+)+\/?$/)
    .transform((path) => path.replace(/\/$/, ''))
    .default(''),
  allowedHosts: list(z.array(z.string().min(1)).default([])),
  dataDir: z.string().min(1).default('./tailrace-data'),
  roles: list(
    z
      .array(z.enum(ROLES))
      .min(1)
      .default([...ROLES]),
  ),
  ingestKey: key,
  readKey: key,
  adminKey: key,
  logLevel: z.preprocess(asWord, z.enum(['error', 'warn', 'info']).default('info')),
  serviceName: z.string().min(1).max(256).default('tailrace'),
  fsync: z.preprocess(asFsync, z.union([z.enum(['off', 'always']), z.int().min(1).max(60_000)]).default('always')),
  redaction: z.enum(['on', 'off']).default('on'),
  queueMaxBytes: bytes(16 * MIB, 1024 * GIB, 4 * GIB),
  maxBodyBytes: bytes(KIB, GIB, 16 * MIB),
  maxUnzippedBytes: bytes(KIB, GIB, 64 * MIB),
  maxLineBytes: bytes(KIB, MAX_LINE_BYTES, MAX_LINE_BYTES),
  maxBodiesInMemoryBytes: bytes(MIB, 16 * GIB, 256 * MIB),
  deadLetters: z.preprocess(asWord, z.enum(['file', 'redis', 'kafka', 'mongodb']).default('file')),
  deadMaxBytes: bytes(64 * KIB, 64 * GIB, 64 * MIB),
  deadMaxLetters: integer(10, 1_000_000, 100_000),
  deadMaxDays: z.preprocess(asNumber, z.number().min(0.01).max(36_500).default(30)),
  deadMaxRounds: integer(1, 1000, 5),
  deadReplayRate: integer(1, 1_000_000, 1000),
  commitLines: integer(1, 1_000_000, 50_000),
  commitBytes: bytes(64 * KIB, GIB, 64 * MIB),
  commitSeconds: seconds(0.05, 3600, 15),
  maxProducers: integer(10, 100_000, 2000),
  ledgerGraceSeconds: seconds(0, 3600, 30),
  retentionDays: z.preprocess(asNumber, z.number().min(0.01).max(36_500).default(30)),
  retentionBytes: bytes(MIB, 1024 * 1024 * GIB, 20 * GIB),
  tailClients: integer(1, 10_000, 200),
  storageType: z.preprocess(asWord, z.enum(['tailrace', 'file', 'mongodb', 'clickhouse', 'kafka']).default('tailrace')),
  mongodbUri: url('mongodb', 'mongodb+srv'),
  clickhouseUrl: httpUrl,
  mqEnabled: z.preprocess(asBoolean, z.boolean().default(false)),
  mqType: z.preprocess(asWord, z.enum(['kafka', 'redis']).optional()),
  mqBrokers: list(z.array(address).default([])),
  mqTopic: name.default('tailrace-events'),
  mqGroup: name.default('tailrace-writers'),
  mqBatchSize: integer(1, 100_000, 100),
  mqBatchTimeoutMs: integer(1, 60_000, 1000),
  mqTimeoutMs: integer(100, 120_000, 5000),
  redisUrl: url('redis', 'rediss'),
  redisHost: z.string().min(1).max(255).optional(),
  redisPort: integer(1, 65_535, 6379),
  fallback: z.preprocess(asWord, z.enum(['critical', 'standard', 'noncritical']).default('standard')),
  alertWebhookUrl: httpUrl,
} as const;

export type SettingKey = keyof typeof SCHEMAS;
export type ConfigValues = { readonly [K in SettingKey]: z.output<(typeof SCHEMAS)[K]> };
