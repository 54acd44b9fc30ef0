/** Pino, writing each line at once, or from a buffer of 4 KiB. */
import { once } from 'node:events';
import { join } from 'node:path';
import pino, { type LoggerOptions } from 'pino';
import { type CreateContender, inOneLine, inTwentyLines, SERVICE } from './contender.ts';

function open(folder: string, sync: boolean, options: LoggerOptions) {
  const destination = pino.destination({
    dest: join(folder, 'pino.ndjson'),
    sync,
    ...(sync ? {} : { minLength: 4096 }),
  });
  const log = pino({ base: SERVICE, ...options }, destination);
  return {
    log,
    async close() {
      const closed = once(destination, 'close');
      destination.end();
      await closed;
    },
  };
}

function wideLines(sync: boolean, options: LoggerOptions = {}): CreateContender {
  return (folder) => {
    const { log, close } = open(folder, sync, options);
    return { request: (n) => inOneLine(n, (line) => log.info(line)), close };
  };
}

/**
 * The keys that Tailrace redacts by default, as far as one name of each kind goes, at the top and one level below: Pino
 * wants each path spelt out, and looks at names only.
 */
const REDACTED = [
  'password',
  'passphrase',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'api_key',
  'private_key',
  'authorization',
  'cookie',
  'cvv',
  'pin',
  'card_number',
  'ssn',
  'account_number',
  'phone',
].flatMap((name) => [name, `*.${name}`]);

export const pinoSync = wideLines(true);
export const pinoAsync = wideLines(false);
export const pinoSyncRedact = wideLines(true, { redact: REDACTED });

export const pinoSyncTwentyLines: CreateContender = (folder) => {
  const { log, close } = open(folder, true, {});
  return { request: (n) => inTwentyLines(n, (message, fields) => log.info(fields, message)), close };
};
