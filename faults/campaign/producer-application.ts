/**
 * A small application that logs numbered events by the library, a few every 20 ms, and notes in the oracle's file what it
 * was told was safe. It ends in order at SIGTERM, and any other way at `kill -9`. With a rate of 0 it logs nothing, and
 * only delivers what others left in its folder.
 */
import { subscribe } from 'node:diagnostics_channel';
import { basename } from 'node:path';
import { createTailrace } from 'tailrace';
import { isSampledOut, LEFT_OUT_RULE, OracleFile } from './oracle.ts';
import { plantedError, plantedFields, requestIdOf, SERVICE } from './planted.ts';

const TICK_MS = 20;
const CLOSE_MS = 5_000;
const ERROR_EVERY = 7;
const LINE_EVERY = 5;

const oracle = new OracleFile(setting('FAULTS_ORACLE_FILE'));
const perSecond = Number(setting('FAULTS_PER_SECOND'));

subscribe('tailrace:spool:write', (message) => {
  const { directory, sequences } = readWrite(message);
  if (basename(directory) !== tailrace.producer) return;
  if (!isLogging) noteOwn();
  oracle.noteWritten(sequences);
});

const tailrace = createTailrace({
  service: SERVICE,
  environment: 'faults',
  spool: {
    maxBytes: Number(setting('FAULTS_SPOOL_BYTES')),
    segmentBytes: 64 * 1024,
    memoryBytes: 48 * 1024,
    fsync: process.env.FAULTS_FSYNC === 'always' ? 'always' : 'off',
  },
  sampling: {
    normalRate: 1,
    rules: [{ name: LEFT_OUT_RULE, rate: 0, when: (event) => event.is_left_out === true }],
  },
  onNotice: ({ code, message }) => {
    oracle.noteNotice(code);
    console.error(`${new Date().toISOString()} ${code}: ${message}`);
  },
});
oracle.noteProducer(tailrace.producer);

let n = 0;
/** The sequence number up to which it is known whose event took it. */
let known = 0;
let isLogging = false;
/** Events that are due, with their fraction. */
let due = 0;
const timer = setInterval(() => {
  noteOwn();
  due += (perSecond * TICK_MS) / 1_000;
  const count = Math.floor(due);
  due -= count;
  if (count === 0) return;
  oracle.noteIntent(n + 1, n + count);
  isLogging = true;
  for (let i = 0; i < count; i += 1) {
    n += 1;
    log(n);
  }
  isLogging = false;
  known = tailrace.ledger().sequence;
}, TICK_MS);

/** What was given a number since the application last logged is the library's own. */
function noteOwn(): void {
  const { sequence } = tailrace.ledger();
  if (sequence > known) oracle.noteOwn(known + 1, sequence);
  known = sequence;
}

process.once('SIGTERM', () => {
  clearInterval(timer);
  void tailrace.close(CLOSE_MS).then(() => {
    oracle.noteClosed();
    process.exit(0);
  });
});

function log(number: number): void {
  const fields = { request_id: requestIdOf(tailrace.producer, number), ...plantedFields(number) };
  if (isSampledOut(number)) {
    tailrace.run({ ...fields, route: '/left-out', is_left_out: true }, () => {});
  } else if (number % LINE_EVERY === 1) {
    tailrace.log.info(`a line with ${fields.callback}`, fields);
  } else {
    tailrace.run({ ...fields, route: '/pay', method: 'POST' }, () => {
      if (number % ERROR_EVERY === 0) tailrace.error(plantedError(number));
    });
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this program is started by faults/run.ts`);
  return value;
}

function readWrite(message: unknown): { readonly directory: string; readonly sequences: readonly number[] } {
  if (typeof message === 'object' && message !== null && 'directory' in message && 'sequences' in message) {
    const { directory, sequences } = message;
    if (typeof directory === 'string' && Array.isArray(sequences)) return { directory, sequences };
  }
  throw new TypeError('tailrace:spool:write sent something else than a write');
}
