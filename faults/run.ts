/**
 * Everything in trouble at once, and the proof that nothing was lost, doubled or invented.
 *
 *   npm run faults -- --minutes 5 --seed 7 --queue spool|redis|kafka [--pace 1] [--rate 40] [--report FOLDER] [--keep]
 *
 * `--plan` prints the first steps that the seed gives each part, and stops. `--judge FOLDER` judges the files of an earlier
 * run once more.
 */
import { parseArgs } from 'node:util';
import { QUEUES } from './campaign/arrangement.ts';
import { runCampaign } from './campaign/campaign.ts';
import { judgeAgain } from './campaign/judge-again.ts';
import { printPlan } from './campaign/print-plan.ts';
import { describeReport, writeReport } from './campaign/report.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    queue: { type: 'string', default: 'spool' },
    pace: { type: 'string', default: '1' },
    /** Events per second and producer. */
    rate: { type: 'string', default: '40' },
    report: { type: 'string' },
    judge: { type: 'string' },
    plan: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const queue = QUEUES.find((name) => name === values.queue);
if (queue === undefined) throw new TypeError(`--queue is one of ${QUEUES.join(', ')}, and not ${values.queue}`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const pace = Number(values.pace);
console.log(`seed ${seed}: npm run faults -- --minutes ${values.minutes} --seed ${seed} --queue ${queue}`);
if (values.judge !== undefined) {
  const judgement = await judgeAgain(values.judge);
  console.log(JSON.stringify(judgement, undefined, 2));
  process.exitCode = judgement.faults.length === 0 ? 0 : 1;
} else if (values.plan) {
  printPlan(seed, pace, console.log);
} else {
  const report = await runCampaign({
    seed,
    seconds: Number(values.minutes) * 60,
    queue,
    pace,
    perSecond: Number(values.rate),
    say: console.log,
    keep: values.keep,
  });
  console.log(describeReport(report));
  if (values.report !== undefined) console.log(`written: ${await writeReport(report, values.report)}`);
  process.exitCode = report.faults.length === 0 ? 0 : 1;
}

// All is closed by now. Left to end by itself, Node 20 was seen to wait for ever for a handle of its own after an hour of
// processes that were started and killed (in `Environment::CleanupHandles`).
process.exit();
