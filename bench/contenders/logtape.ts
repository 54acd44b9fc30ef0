/** LogTape with its file sink and JSON lines; its buffer of 8 KiB and its flush every 5 s are its defaults. */
import { join } from 'node:path';
import { getFileSink } from '@logtape/file';
import { configure, dispose, getLogger, jsonLinesFormatter } from '@logtape/logtape';
import { type CreateContender, inOneLine, SERVICE } from './contender.ts';

export const logtape: CreateContender = async (folder) => {
  await configure({
    sinks: { file: getFileSink(join(folder, 'logtape.ndjson'), { formatter: jsonLinesFormatter }) },
    loggers: [
      { category: SERVICE.service, lowestLevel: 'info', sinks: ['file'] },
      { category: ['logtape', 'meta'], lowestLevel: 'error', sinks: [] },
    ],
  });
  const log = getLogger(SERVICE.service).with(SERVICE);
  return { request: (n) => inOneLine(n, (line) => log.info('request done', line)), close: () => dispose() };
};
