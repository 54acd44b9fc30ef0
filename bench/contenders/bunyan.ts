/** Bunyan with a file stream. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import bunyanLibrary from 'bunyan';
import { type CreateContender, inOneLine, SERVICE } from './contender.ts';

export const bunyan: CreateContender = (folder) => {
  const stream = createWriteStream(join(folder, 'bunyan.ndjson'), { flags: 'a' });
  const log = bunyanLibrary.createLogger({ name: SERVICE.service, ...SERVICE, streams: [{ stream }] });
  return {
    request: (n) => inOneLine(n, (line) => log.info(line, 'request done')),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
};
