/**
 * Tailrace next to its peers: `npm run bench`. Prints the table, saves it as JSON, and puts table and chart into the README
 * with `--save`.
 *
 *   npm run bench -- --only P1,P4 --rounds 5
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillSection } from '../scripts/generated-section.ts';
import { measureFootprint } from './cases/footprint.ts';
import { measureHangingStore } from './cases/hanging-store.ts';
import { measureThreadCost } from './cases/thread-cost.ts';
import { thisMachine } from './machine.ts';
import { chartOf, type Run, tableOf } from './report.ts';
import type { CaseResult } from './result.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '30000' },
    only: { type: 'string', default: 'P1,P2,P3,P4,P10' },
    save: { type: 'boolean', default: false },
  },
});
const only = new Set(values.only.split(','));
const rounds = Number(values.rounds);
const say = (id: string) => (text: string) => process.stderr.write(`${id}: ${text}\n`);
const loadBefore = loadavg()[0] ?? Number.NaN;

const results: CaseResult[] = measureThreadCost({
  rounds,
  requests: Number(values.requests),
  only,
  onProgress: say('P1–P3'),
});
if (only.has('P4')) results.push(...(await measureHangingStore({ rounds, secondsPerRound: 5, onProgress: say('P4') })));
if (only.has('P10')) results.push(...measureFootprint(rounds, say('P10')));

const run: Run = {
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  machine: thisMachine(),
  loadBefore,
  results,
  absent: [],
};
console.log(tableOf(run));
if (values.save) {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  writeFileSync(at('./results.json'), `${JSON.stringify(run, null, 2)}\n`);
  writeFileSync(at('../docs/bench.svg'), chartOf(run));
  const readme = at('../README.md');
  writeFileSync(readme, fillSection(readFileSync(readme, 'utf8'), 'bench', tableOf(run)));
}
