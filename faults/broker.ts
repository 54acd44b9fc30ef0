/** `node --import tsx --conditions=@tailrace/source faults/broker.ts --broker kafka --seconds 60` */
import { parseArgs } from 'node:util';
import { killUnderTraffic, type OutageReport, type Victim } from './broker-outage.ts';

const VICTIMS: readonly Victim[] = ['kafka', 'redis', 'mongodb', 'all'];

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'kafka' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '100' },
  },
});
const victim = VICTIMS.find((name) => name === values.broker);
if (victim === undefined) throw new TypeError(`--broker is one of ${VICTIMS.join(', ')}, and not ${values.broker}`);
const report = await killUnderTraffic({
  victim,
  seconds: Number(values.seconds),
  requestsPerSecond: Number(values.rate),
  say: console.log,
});
console.log(JSON.stringify(report, undefined, 2));
process.exitCode = isWhole(report) ? 0 : 1;

/** Nothing missing, nothing twice, the ledger agrees, and the application never noticed. */
function isWhole({ missing, twice, failedRequests, ledger }: OutageReport): boolean {
  return missing + twice + failedRequests === 0 && ledger.kept === ledger.stored + ledger.dropped + ledger.dead;
}
