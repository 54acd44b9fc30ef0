/**
 * Every reader of foreign bytes, with inputs drawn for so long:
 *
 *   npm run fuzz -- --seconds 60 [--target search] [--seed 7]
 *
 * What breaks a law is made as small as can be, and kept in `corpus/`, where `npm test` runs it from then on.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { keepInCorpus } from './corpus.ts';
import { checkGrowth } from './growth.ts';
import { TARGETS } from './targets/index.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string' },
  },
});
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (targets.length === 0) throw new TypeError(`--target is one of ${TARGETS.map(({ name }) => name).join(', ')}`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const msEach = (Number(values.seconds) * 1_000) / targets.length;
for (const target of targets) {
  const details = await fc.check(
    fc.asyncProperty(target.inputs, async (input) => {
      await target.check(input);
    }),
    { seed, interruptAfterTimeLimit: msEach, numRuns: Number.MAX_SAFE_INTEGER },
  );
  if (details.counterexample !== null) {
    const [input] = details.counterexample;
    process.exitCode = 1;
    console.log(
      `${target.name}: FAILS for ${JSON.stringify(input.toString())}, kept in ${await keepInCorpus(target, input)}`,
    );
    console.log(String(details.errorInstance ?? ''));
    continue;
  }
  await checkGrowth(target);
  console.log(`${target.name}: ${details.numRuns} inputs, seed ${seed}`);
}
