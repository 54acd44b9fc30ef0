/**
 * P8: what an event costs to take in, and what a question about one hour costs, with ten times as much stored: the same
 * number of events in each hour, and ten times as many hours; past hours are merged in both. It takes long, so it runs by
 * hand, and saves what it found in `growth.json`; `npm run bench` shows that where it was made on the same class of machine.
 *
 *   npm run bench:growth -- --small 1000000 --large 10000000
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figures, GROWTH_FILE, type Growth, readFigures } from './cases/growth.ts';
import { thisMachine } from './machine.ts';

const { values } = parseArgs({
  options: {
    small: { type: 'string', default: '1000000' },
    large: { type: 'string', default: '10000000' },
    /** Hours of the small one; the large one has as many events in each hour. */
    hours: { type: 'string', default: '10' },
  },
});
const INGEST = fileURLToPath(new URL('../load/ingest.ts', import.meta.url));
const HOUR_EVENTS = Number(values.small) / Number(values.hours);

function load(events: number): Figures {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const json = join(folder, 'figures.json');
  try {
    const args = [
      '--events',
      String(events),
      '--hours',
      String(Math.round(events / HOUR_EVENTS)),
      '--merged',
      '--json',
      json,
    ];
    execFileSync(process.execPath, ['--import', 'tsx', INGEST, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
    return readFigures(JSON.parse(readFileSync(json, 'utf8')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const growth: Growth = {
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  machine: thisMachine(),
  loadBefore: loadavg()[0] ?? Number.NaN,
  small: load(Number(values.small)),
  large: load(Number(values.large)),
};
writeFileSync(GROWTH_FILE, `${JSON.stringify(growth, null, 2)}\n`);
console.log(JSON.stringify(growth, null, 2));
