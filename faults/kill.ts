/** `node --import tsx --conditions=@tailrace/source faults/kill.ts --rounds 10 --seed 7` */
import { parseArgs } from 'node:util';
import { killRounds, VICTIMS } from './kill-rounds.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '7' },
    concurrency: { type: 'string', default: '20' },
  },
});
const rounds = Number(values.rounds);
console.log(`kill -9 of ${VICTIMS.join(', ')}: ${rounds} times each, seed ${values.seed}`);
const report = await killRounds({
  rounds,
  seed: Number(values.seed),
  concurrency: Number(values.concurrency),
  say: console.log,
});
console.log(JSON.stringify(report, undefined, 2));
process.exitCode = report.faults.length === 0 ? 0 : 1;
