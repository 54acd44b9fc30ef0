/**
 * The table of settings. Each has a key (in the YAML file and in code), a variable, a schema, and words for what it
 * accepts; the reference in the documentation is made from the same table.
 */
import { KEY, type Setting, SIZE, setting } from './setting.ts';
import { GROWING_SETTINGS } from './settings-growing.ts';

export type { Setting } from './setting.ts';
export { type ConfigValues, ROLES, type Role, type SettingKey } from './settings-values.ts';

const SERVER_SETTINGS: readonly Setting[] = [
  setting('port', 'TAILRACE_PORT', 'a port from 0 to 65535 (0 takes a free one)', 'The port to listen on.', {
    option: '--port',
    needsRestart: true,
  }),
  setting(
    'host',
    'TAILRACE_HOST',
    'an address or host name',
    'The address to listen on. Beyond loopback, both keys are needed.',
    { option: '--host', needsRestart: true },
  ),
  setting(
    'allowedHosts',
    'TAILRACE_ALLOWED_HOSTS',
    'host names, separated by commas',
    'Host names under which a server on loopback answers beside localhost, as a proxy in front of it sends them.',
  ),
  setting('dataDir', 'TAILRACE_DATA_DIR', 'a folder', 'Where queue, store and dead letters live.', {
    option: '--data-dir',
    needsRestart: true,
  }),
  setting('ingestKey', 'TAILRACE_INGEST_KEY', KEY, 'The key that writing needs, as `Authorization: Bearer …`.', {
    secret: true,
  }),
  setting('readKey', 'TAILRACE_READ_KEY', KEY, 'The key that reading needs, as `Authorization: Bearer …`.', {
    secret: true,
  }),
  setting(
    'fsync',
    'TAILRACE_FSYNC',
    'always, off, or milliseconds from 1 to 60000',
    'When the queue is forced to the device: before each answer, never, or every so many milliseconds.',
    { needsRestart: true },
  ),
  setting(
    'redaction',
    'TAILRACE_REDACTION',
    'on or off',
    'Whether events that come in are searched for secrets, beside what their producer did already.',
    { needsRestart: true },
  ),
  setting(
    'queueMaxBytes',
    'TAILRACE_QUEUE_MAX_BYTES',
    `${SIZE}, from 16 MiB`,
    'Bound on the queue; beyond it a write is answered with 503.',
    { needsRestart: true },
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
    'Bound on the dead letters of the server; the oldest go first. At 80 % of this bound or one of the next two, an alert is told.',
  ),
  setting(
    'deadMaxLetters',
    'TAILRACE_DEAD_MAX_LETTERS',
    'a number from 10 to 1000000',
    'Bound on their number; the oldest go first.',
  ),
  setting('deadMaxDays', 'TAILRACE_DEAD_MAX_DAYS', 'days from 0.01 to 36500', 'How long they are kept.'),
  setting(
    'deadMaxRounds',
    'TAILRACE_DEAD_MAX_ROUNDS',
    'a number from 1 to 1000',
    'A dead letter that came back from so many replays is left alone until it is edited.',
  ),
  setting(
    'deadReplayRate',
    'TAILRACE_DEAD_REPLAY_RATE',
    'lines a second, from 1 to 1000000',
    'How fast dead letters are replayed, where the order says nothing.',
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
    { needsRestart: true },
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

export const SETTINGS: readonly Setting[] = [...SERVER_SETTINGS, ...GROWING_SETTINGS];
