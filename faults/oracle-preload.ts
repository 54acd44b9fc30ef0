/**
 * Loaded into the shop before anything else. Each time the spool's write has returned, it notes the ids of the events that
 * are thereby promised, in a file of its own, with a synchronous write. So after `kill -9` the file says what must not be
 * missing.
 *
 * A kill between the spool's write and this one leaves an event that is safe and not noted: the oracle may promise less
 * than was kept, never more.
 */
import { subscribe } from 'node:diagnostics_channel';
import { openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

interface SpoolWrite {
  readonly directory: string;
  readonly sequences: readonly number[];
}

const file = process.env.FAULTS_ORACLE_FILE;
if (isMainThread && file !== undefined) {
  const oracle = openSync(file, 'a');
  subscribe('tailrace:spool:write', (message) => {
    if (!isSpoolWrite(message)) throw new TypeError('tailrace:spool:write sent something else than a write');
    const producer = basename(message.directory);
    const ids = message.sequences.filter((sequence) => sequence > 0).map((sequence) => `${producer}-${sequence}\n`);
    if (ids.length > 0) writeSync(oracle, ids.join(''));
  });
}

function isSpoolWrite(message: unknown): message is SpoolWrite {
  return (
    typeof message === 'object' &&
    message !== null &&
    'directory' in message &&
    typeof message.directory === 'string' &&
    'sequences' in message &&
    Array.isArray(message.sequences)
  );
}
