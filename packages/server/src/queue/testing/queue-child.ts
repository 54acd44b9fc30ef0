/**
 * A reader in a process of its own, to be killed: opens a queue and tells on stdout, line by line as JSON, what it reads.
 * It dies of a line with `POISON` in it, as a bug of the writer would make it do.
 *
 *   queue-child.ts <kafka|redis> <options as JSON> <keep|acknowledge|gather>
 *
 * `gather` puts batches together before it looks at them, as a writer does for a store that several share.
 */
import { writeSync } from 'node:fs';
import { gatherBatch } from '../../writer/gather.ts';
import { openKafkaQueue } from '../kafka.ts';
import { openRedisQueue } from '../redis-streams.ts';

const [kind = '', options = '', mode = ''] = process.argv.slice(2);
const never = new AbortController().signal;
const say = (message: object): void => {
  writeSync(1, `${JSON.stringify(message)}\n`);
};

const queue = kind === 'kafka' ? await openKafkaQueue(JSON.parse(options)) : await openRedisQueue(JSON.parse(options));
say({ ready: true });
for (;;) {
  const gatherMs = mode === 'gather' ? 250 : 0;
  const batch = await gatherBatch(queue, { maxLines: 100, waitMs: 250, gatherMs }, never).catch(() => undefined);
  if (batch === undefined) continue;
  for (const line of batch.lines) {
    if (line.includes('POISON')) process.kill(process.pid, 'SIGKILL');
  }
  if (batch.lines.length + batch.unreadable.length === 0) continue;
  say({ lines: batch.lines, unreadable: batch.unreadable });
  if (mode === 'acknowledge') await queue.acknowledge(batch.end);
}
