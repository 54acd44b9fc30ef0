/**
 * Tailrace next to its peers: `npm run bench`. Prints the table, saves it as JSON, and puts table and chart into the README
 * with `--save`.
 *
 *   npm run bench -- --only P1,P4 --rounds 5
 *   npm run bench -- --only P5,P6,P7 --events 1000000 --peers OpenSearch
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillSection } from '../scripts/generated-section.ts';
import { measureFootprint } from './cases/footprint.ts';
import { savedGrowth } from './cases/growth.ts';
import { measureHangingStore } from './cases/hanging-store.ts';
import { measureSampledBytes } from './cases/sampling-bytes.ts';
import { measureServers } from './cases/servers.ts';
import { measureThreadCost } from './cases/thread-cost.ts';
import { thisMachine } from './machine.ts';
import { chartOf, detailsOf, type Run, tableOf } from './report.ts';
import type { CaseResult } from './result.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '30000' },
    only: { type: 'string', default: 'P1,P2,P3,P4,P5,P6,P7,P8,P9,P10' },
    /** Of the server's cases: they take minutes a round. */
    events: { type: 'string', default: '100000' },
    'server-rounds': { type: 'string', default: '2' },
    'query-rounds': { type: 'string', default: '15' },
    peers: { type: 'string' },
    /** Doesn't wait until each server has merged what it merges by itself. */
    hasty: { type: 'boolean', default: false },
    /** Of P9, in each of its rounds, of which there are three at most: bytes hardly differ. */
    payments: { type: 'string', default: '3000' },
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
if (only.has('P4'))
  results.push(
    ...(await measureHangingStore({
      rounds: Math.min(rounds, 2),
      turns: 5,
      secondsPerTurn: 2.5,
      onProgress: say('P4'),
    })),
  );
if (only.has('P10')) results.push(...measureFootprint(rounds, say('P10')));
if (only.has('P9')) {
  const payments = Number(values.payments);
  results.push(...(await measureSampledBytes({ rounds: Math.min(rounds, 3), payments, onProgress: say('P9') })));
}
let absent: readonly string[] = [];
if (['P5', 'P6', 'P7'].some((id) => only.has(id))) {
  const servers = await measureServers({
    events: Number(values.events),
    rounds: Number(values['server-rounds']),
    queryRounds: Number(values['query-rounds']),
    only,
    isHasty: values.hasty,
    peers: values.peers === undefined ? undefined : new Set(values.peers.split(',')),
    onProgress: say('P5–P7'),
  });
  results.push(...servers.results);
  absent = servers.absent;
}
if (only.has('P8')) results.push(...savedGrowth(thisMachine()));

const run: Run = {
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  machine: thisMachine(),
  loadBefore,
  results,
  absent,
};
console.log([tableOf(run), detailsOf(run)].join('\n\n'));
if (values.save) {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  writeFileSync(at('./results.json'), `${JSON.stringify(run, null, 2)}\n`);
  writeFileSync(at('../docs/bench.svg'), chartOf(run));
  const readme = at('../README.md');
  writeFileSync(readme, fillSection(readFileSync(readme, 'utf8'), 'bench', tableOf(run)));
}
