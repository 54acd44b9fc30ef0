/** `node --import tsx --conditions=@tailrace/source faults/outage.ts --seconds 60` */
import { parseArgs } from 'node:util';
import { stopServerUnderTraffic } from './stopped-server.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '7' },
    concurrency: { type: 'string', default: '5' },
  },
});
const report = await stopServerUnderTraffic({
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  concurrency: Number(values.concurrency),
  say: console.log,
});
console.log(JSON.stringify(report, undefined, 2));
process.exitCode = report.ledger.stored === report.requests && report.spans.every((span) => span.wrong === 0) ? 0 : 1;
