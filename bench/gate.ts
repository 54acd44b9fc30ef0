/**
 * The gate: has the application's thread become slower than in the last accepted run on the same class of machine? What is
 * compared is the ratio to Pino within one run, never a time: a slow machine is slow for both.
 *
 *   npm run bench:gate                 fails where the ratio is 12 % above the accepted one
 *   npm run bench:gate -- --accept     takes this run's ratio as the accepted one
 *   npm run bench:gate -- --slow-down 20   makes Tailrace 20 % slower on purpose, to see that the gate sees it
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureThreadCost } from './cases/thread-cost.ts';
import { describeMachine, isSameClass, type Machine, thisMachine } from './machine.ts';
import { formatSpread } from './statistics.ts';

interface Accepted {
  readonly machine: Machine;
  readonly ratio: number;
  readonly date: string;
}

const FILE = fileURLToPath(new URL('./accepted.json', import.meta.url));
/** Between two runs of the same code the ratio moves by some 5 %; a slow-down of 20 % is well beyond. */
const TOLERANCE = 1.12;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '20000' },
    accept: { type: 'boolean', default: false },
    'slow-down': { type: 'string' },
  },
});
if (values['slow-down'] !== undefined) process.env.TAILRACE_BENCH_SLOW_DOWN = values['slow-down'];

const accepted: Accepted[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : [];
const machine = thisMachine();
const last = accepted.find((one) => isSameClass(one.machine, machine));
const [result] = measureThreadCost({
  rounds: Number(values.rounds),
  requests: Number(values.requests),
  only: new Set(['gate']),
  onProgress: () => {},
});
const ratio = result?.comparisons[0]?.ratio;
if (ratio === undefined) throw new Error('the gate measured nothing');
console.log(`application thread against pino sync: ${formatSpread(ratio)} on ${describeMachine(machine)}`);

if (values.accept) {
  const others = accepted.filter((one) => !isSameClass(one.machine, machine));
  const mine: Accepted = {
    machine,
    ratio: Number(ratio.median.toFixed(3)),
    date: new Date().toISOString().slice(0, 10),
  };
  writeFileSync(FILE, `${JSON.stringify([...others, mine], null, 2)}\n`);
  console.log('accepted');
} else if (last === undefined) {
  console.log('no run was accepted on this class of machine: nothing to compare with (--accept takes this one)');
} else if (ratio.median > last.ratio * TOLERANCE) {
  console.error(
    `slower: ${(ratio.median / last.ratio).toFixed(2)} times the ratio accepted on ${last.date} (${last.ratio})`,
  );
  process.exitCode = 1;
} else {
  console.log(
    `within bounds: ${(ratio.median / last.ratio).toFixed(2)} times the ratio accepted on ${last.date} (${last.ratio})`,
  );
}
