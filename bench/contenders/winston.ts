/** winston with its file transport and its JSON format. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import winstonLibrary from 'winston';
import { type CreateContender, inOneLine, SERVICE } from './contender.ts';

export const winston: CreateContender = (folder) => {
  const { createLogger, format, transports } = winstonLibrary;
  const file = new transports.File({ filename: join(folder, 'winston.ndjson') });
  const log = createLogger({
    defaultMeta: SERVICE,
    format: format.combine(format.timestamp(), format.json()),
    transports: [file],
  });
  return {
    request: (n) => inOneLine(n, (line) => log.info('request done', line)),
    async close() {
      // Ended while its file is behind, the logger throws what it holds away ("write after end").
      while (log.readableLength + log.writableLength + file.writableLength > 0) await sleep(5);
      const finished = once(file, 'finish');
      log.end();
      await finished;
    },
  };
};
