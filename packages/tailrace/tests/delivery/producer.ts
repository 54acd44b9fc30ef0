/**
 * A process that logs: started by tests, with a folder, a producer id, the address of a server, and how many events a
 * turn. It says `ready` when it has begun, then for each turn the last sequence number whose append has returned.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { startDelivery } from '../../src/delivery/delivery.ts';
import { tailraceSink } from '../../src/sinks/specs.ts';
import { claimSpool, openSpool } from '../../src/spool/index.ts';

const [folder = '', producer = '', url = '', linesPerTurn = '20', limit = ''] = process.argv.slice(2);
const spoolRoot = join(folder, 'spool');
const directory = join(spoolRoot, producer);
const last = limit === '' ? Number.POSITIVE_INFINITY : Number(limit);

claimSpool(directory);
const spool = openSpool({ directory, segmentBytes: 32 * 1024 });
const delivery = startDelivery({
  spoolRoot,
  directory,
  routes: [{ name: 'tailrace', sinks: [tailraceSink({ url })], batchLines: 50, batchWaitMs: 10 }],
  onReport: (report) => writeSync(2, `${JSON.stringify(report)}\n`),
});

let sequence = 0;
function turn(): void {
  for (let i = 0; i < Number(linesPerTurn) && sequence < last; i += 1) {
    sequence += 1;
    spool.append(JSON.stringify({ schema: 'tailrace/event/v1', event_id: `${producer}-${sequence}` }), sequence, false);
  }
  spool.flush();
  delivery.wake();
  writeSync(1, `${sequence}\n`);
  if (sequence < last) setTimeout(turn, 1);
}
turn();
