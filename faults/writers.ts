/** `node --import tsx --conditions=@tailrace/source faults/writers.ts --kills 20 --queue kafka --store clickhouse` */
import { parseArgs } from 'node:util';
import type { QueueName, StoreName } from '../tests/arrangements.ts';
import { killWriters, type WriterKillReport } from './kill-writers.ts';

const QUEUES: readonly QueueName[] = ['redis', 'kafka'];
const STORES: readonly StoreName[] = ['mongodb', 'clickhouse', 'embedded'];

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    queue: { type: 'string', default: 'kafka' },
    store: { type: 'string', default: 'clickhouse' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '7' },
  },
});
const report = await killWriters({
  queue: oneOf('--queue', QUEUES, values.queue),
  store: oneOf('--store', STORES, values.store),
  kills: Number(values.kills),
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  say: console.log,
});
console.log(JSON.stringify(report, undefined, 2));
process.exitCode = isWhole(report) ? 0 : 1;

function oneOf<T extends string>(option: string, accepted: readonly T[], text: string): T {
  const found = accepted.find((name) => name === text);
  if (found === undefined) throw new TypeError(`${option} is one of ${accepted.join(', ')}, and not ${text}`);
  return found;
}

/** Nothing missing, nothing twice, and the ledger agrees. */
function isWhole({ taken, found, missing, twice, ledger }: WriterKillReport): boolean {
  return missing + twice + ledger.missing + ledger.lost === 0 && found === taken && ledger.stored === taken;
}
