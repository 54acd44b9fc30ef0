/** `node --import tsx --conditions=@tailrace/source faults/broker.ts --broker kafka --seconds 60 --cycles 2 --apart` */
import { parseArgs } from 'node:util';
import { killUnderTraffic, type OutageReport, type Victim } from './broker-outage.ts';

const VICTIMS: readonly Victim[] = ['kafka', 'redis', 'mongodb', 'all'];

/** An application must not notice: 2 %. */
const P99_BOUND = 1.02;

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'kafka' },
    seconds: { type: 'string', default: '60' },
    cycles: { type: 'string', default: '2' },
    rate: { type: 'string', default: '200' },
    /** Gives the application a processor of its own (`apart.ts`). */
    apart: { type: 'boolean', default: false },
  },
});
const victim = VICTIMS.find((name) => name === values.broker);
if (victim === undefined) throw new TypeError(`--broker is one of ${VICTIMS.join(', ')}, and not ${values.broker}`);
const report = await killUnderTraffic({
  victim,
  seconds: Number(values.seconds),
  cycles: Number(values.cycles),
  requestsPerSecond: Number(values.rate),
  isApart: values.apart,
  say: console.log,
});
console.log(JSON.stringify(report, undefined, 2));
console.log(`p99 without the broker: ${describe(report)}`);
process.exitCode = isWhole(report) && report.p99.low <= P99_BOUND ? 0 : 1;

function describe({ p99: { ratio, low, high } }: OutageReport): string {
  if (Number.isNaN(ratio)) return 'not told: other machines took the processors too often';
  const verdict = high <= P99_BOUND ? 'within' : low <= P99_BOUND ? 'not told apart from' : 'beyond';
  return `${ratio} times (${low} to ${high}) that with it: ${verdict} ${P99_BOUND}`;
}

/** Nothing missing, nothing twice, the ledger agrees, and the application never noticed. */
function isWhole({ missing, twice, failedRequests, ledger }: OutageReport): boolean {
  return missing + twice + failedRequests === 0 && ledger.kept === ledger.stored + ledger.dropped + ledger.dead;
}
