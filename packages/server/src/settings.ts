/**
 * The table of settings. Each has a key (in the YAML file and in code), a variable, a schema, and words for what it
 * accepts; the reference in the documentation is made from the same table.
 */
import { MAX_LINE_BYTES } from 'tailrace/spool';
import { z } from 'zod';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

function integer(min: number, max: number, standard: number) {
  return z.preprocess(asNumber, z.int().min(min).max(max).default(standard));
}

function bytes(min: number, max: number, standard: number) {
  return z.preprocess(asBytes, z.int().min(min).max(max).default(standard));
}

function seconds(min: number, max: number, standard: number) {
  return z.preprocess(asNumber, z.number().min(min).max(max).default(standard));
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

function asHosts(value: unknown): unknown {
  return typeof value === 'string'
    ? value
        .split(',')
        .map((host) => host.trim().toLowerCase())
        .filter((host) => host !== '')
    : value;
}

const key = z
  .string()
  .min(16)
  .max(512)
  .regex(/^[\x21-\x7e]+$/)
  .optional();

const SCHEMAS = {
  port: integer(0, 65_535, 7300),
  host: z.string().min(1).max(255).default('127.0.0.1'),
  allowedHosts: z.preprocess(asHosts, z.array(z.string().min(1)).default([])),
  dataDir: z.string().min(1).default('./tailrace-data'),
  ingestKey: key,
  readKey: key,
  fsync: z.preprocess(asFsync, z.union([z.enum(['off', 'always']), z.int().min(1).max(60_000)]).default('always')),
  redaction: z.enum(['on', 'off']).default('on'),
  queueMaxBytes: bytes(16 * MIB, 1024 * GIB, 4 * GIB),
  maxBodyBytes: bytes(KIB, GIB, 16 * MIB),
  maxUnzippedBytes: bytes(KIB, GIB, 64 * MIB),
  maxLineBytes: bytes(KIB, MAX_LINE_BYTES, MAX_LINE_BYTES),
  maxBodiesInMemoryBytes: bytes(MIB, 16 * GIB, 256 * MIB),
  deadMaxBytes: bytes(64 * KIB, 64 * GIB, 64 * MIB),
  commitLines: integer(1, 1_000_000, 50_000),
  commitBytes: bytes(64 * KIB, GIB, 64 * MIB),
  commitSeconds: seconds(0.05, 3600, 15),
  maxProducers: integer(10, 100_000, 2000),
  ledgerGraceSeconds: seconds(0, 3600, 30),
  retentionDays: z.preprocess(asNumber, z.number().min(0.01).max(36_500).default(30)),
  retentionBytes: bytes(MIB, 1024 * 1024 * GIB, 20 * GIB),
  tailClients: integer(1, 10_000, 200),
} as const;

export type SettingKey = keyof typeof SCHEMAS;
export type ConfigValues = { readonly [K in SettingKey]: z.output<(typeof SCHEMAS)[K]> };

export interface Setting {
  readonly key: SettingKey;
  readonly env: string;
  /** The option of `tailrace server`, where it has one. */
  readonly option?: string;
  readonly schema: z.ZodType;
  /** What is accepted, in words: "must be …". */
  readonly accepts: string;
  readonly about: string;
  /** Never printed; may also come from the file that `<env>_FILE` names. */
  readonly secret: boolean;
}

function setting(
  settingKey: SettingKey,
  env: string,
  accepts: string,
  about: string,
  more: { readonly option?: string; readonly secret?: boolean } = {},
): Setting {
  return { key: settingKey, env, accepts, about, schema: SCHEMAS[settingKey], secret: false, ...more };
}

const SIZE = 'a size in bytes, or with KiB, MiB or GiB';

export const SETTINGS: readonly Setting[] = [
  setting('port', 'TAILRACE_PORT', 'a port from 0 to 65535 (0 takes a free one)', 'The port to listen on.', {
    option: '--port',
  }),
  setting(
    'host',
    'TAILRACE_HOST',
    'an address or host name',
    'The address to listen on. Beyond loopback, both keys are needed.',
    {
      option: '--host',
    },
  ),
  setting(
    'allowedHosts',
    'TAILRACE_ALLOWED_HOSTS',
    'host names, separated by commas',
    'Host names under which a server on loopback answers beside localhost, as a proxy in front of it sends them.',
  ),
  setting('dataDir', 'TAILRACE_DATA_DIR', 'a folder', 'Where queue, store and dead letters live.', {
    option: '--data-dir',
  }),
  setting(
    'ingestKey',
    'TAILRACE_INGEST_KEY',
    '16 to 512 printable characters without spaces',
    'The key that writing needs, as `Authorization: Bearer …`.',
    { secret: true },
  ),
  setting(
    'readKey',
    'TAILRACE_READ_KEY',
    '16 to 512 printable characters without spaces',
    'The key that reading needs, as `Authorization: Bearer …`.',
    { secret: true },
  ),
  setting(
    'fsync',
    'TAILRACE_FSYNC',
    'always, off, or milliseconds from 1 to 60000',
    'When the queue is forced to the device: before each answer, never, or every so many milliseconds.',
  ),
  setting(
    'redaction',
    'TAILRACE_REDACTION',
    'on or off',
    'Whether events that come in are searched for secrets, beside what their producer did already.',
  ),
  setting(
    'queueMaxBytes',
    'TAILRACE_QUEUE_MAX_BYTES',
    `${SIZE}, from 16 MiB`,
    'Bound on the queue; beyond it a write is answered with 503.',
  ),
  setting('maxBodyBytes', 'TAILRACE_MAX_BODY_BYTES', `${SIZE}, from 1 KiB to 1 GiB`, 'Bound on a body as it is sent.'),
  setting(
    'maxUnzippedBytes',
    'TAILRACE_MAX_UNZIPPED_BYTES',
    `${SIZE}, from 1 KiB to 1 GiB`,
    'Bound on a gzip body once unpacked.',
  ),
  setting('maxLineBytes', 'TAILRACE_MAX_LINE_BYTES', `${SIZE}, from 1 KiB to 1 MiB`, 'Bound on one event.'),
  setting(
    'maxBodiesInMemoryBytes',
    'TAILRACE_MAX_BODIES_IN_MEMORY_BYTES',
    `${SIZE}, from 1 MiB`,
    'Bound on all bodies in memory together; beyond it a write is answered with 503.',
  ),
  setting(
    'deadMaxBytes',
    'TAILRACE_DEAD_MAX_BYTES',
    `${SIZE}, from 64 KiB`,
    'Bound on the dead letters of the server; the oldest go first.',
  ),
  setting(
    'commitLines',
    'TAILRACE_COMMIT_LINES',
    'a number from 1 to 1000000',
    'Events after which a segment is committed.',
  ),
  setting(
    'commitBytes',
    'TAILRACE_COMMIT_BYTES',
    `${SIZE}, from 64 KiB to 1 GiB`,
    'Bytes of events after which a segment is committed.',
  ),
  setting(
    'commitSeconds',
    'TAILRACE_COMMIT_SECONDS',
    'seconds from 0.05 to 3600',
    'Time after which a segment is committed.',
  ),
  setting(
    'maxProducers',
    'TAILRACE_MAX_PRODUCERS',
    'a number from 10 to 100000',
    'Producers whose account is kept in full; of older ones that are complete only the numbers are kept.',
  ),
  setting(
    'ledgerGraceSeconds',
    'TAILRACE_LEDGER_GRACE_SECONDS',
    'seconds from 0 to 3600',
    'How long an event that a producer has reported may still be on its way before it counts as missing.',
  ),
  setting(
    'retentionDays',
    'TAILRACE_RETENTION_DAYS',
    'days from 0.01 to 36500',
    'How long events are kept. They go by the hour, when the last event of their segment is that old.',
  ),
  setting(
    'retentionBytes',
    'TAILRACE_RETENTION_BYTES',
    `${SIZE}, from 1 MiB`,
    'Bound on the stored segments. Beyond it the oldest normal events go first, then the oldest others; those of the last day go last.',
  ),
  setting('tailClients', 'TAILRACE_TAIL_CLIENTS', 'a number from 1 to 10000', 'Live tails at once.'),
];
