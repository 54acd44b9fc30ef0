/**
 * The same `kill -9` for everybody: an HTTP service that logs one event for each request is killed in traffic, started again
 * and ended in order; then the answered requests are looked for in its files.
 *
 *   npm run faults:peers -- [--kills 20] [--seed 7] [--write]
 *
 * `--write` puts the table into faults/README.md.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { between, type Random, randomStream } from '../examples/payments/src/random.ts';
import { endProcess, freePort, ROOT, waitFor } from '../tests/processes.ts';
import { compilePrograms } from './campaign/programs.ts';
import { PEERS, type PeerName } from './peers/peer-loggers.ts';

interface Result {
  readonly name: PeerName;
  readonly kills: number;
  readonly acknowledged: number;
  readonly missing: number;
  /** Kills after which something was missing. */
  readonly costly: number;
  readonly twice: number;
}

const CONCURRENCY = 8;
/** For what a logger brings after its next start. */
const CHANCE_MS = 6_000;
const APPLICATION = fileURLToPath(new URL('peers/peer-application.ts', import.meta.url));
const README = fileURLToPath(new URL('README.md', import.meta.url));
const TABLE_START = '<!-- peers: written by npm run faults:peers -->';
const TABLE_END = '<!-- peers end -->';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '7' },
    write: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const programs = await compilePrograms([APPLICATION]);
const results: Result[] = [];
for (const name of Object.keys(PEERS) as PeerName[]) {
  const random = randomStream(Number(values.seed), 'traffic', 0);
  const result = await killPeer(name, kills, random);
  results.push(result);
  console.log(JSON.stringify(result));
}
await programs.remove();
const table = await describeResults(results);
console.log(table);
if (values.write) {
  const readme = await readFile(README, 'utf8');
  const start = readme.indexOf(TABLE_START);
  const end = readme.indexOf(TABLE_END);
  if (start < 0 || end < start) throw new Error(`${README} has no place for the table`);
  await writeFile(README, `${readme.slice(0, start)}${TABLE_START}\n\n${table}\n${readme.slice(end)}`);
}

async function killPeer(name: PeerName, times: number, random: Random): Promise<Result> {
  const sums = { acknowledged: 0, missing: 0, costly: 0, twice: 0 };
  for (let i = 0; i < times; i += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'tailrace-peer-'));
    try {
      const acknowledged = await killOnce(name, folder, between(random, 200, 900));
      const counts = await countNumbers(folder);
      const missing = [...acknowledged].filter((n) => !counts.has(n)).length;
      sums.acknowledged += acknowledged.size;
      sums.missing += missing;
      sums.costly += missing > 0 ? 1 : 0;
      sums.twice += [...counts.values()].filter((count) => count > 1).length;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { name, kills: times, ...sums };
}

/** @returns the numbers of the requests that were answered before the kill */
async function killOnce(name: PeerName, folder: string, afterMs: number): Promise<ReadonlySet<number>> {
  const acknowledged = new Set<number>();
  const port = await freePort();
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const start = async () => {
    const child = programs.runOther('peer-application', [name, folder, String(port)], join(folder, 'output'));
    const isUp = () => ask(agent, `http://127.0.0.1:${port}/`).catch(() => undefined);
    await waitFor(`${name} to listen`, isUp, 60_000);
    return child;
  };
  const first = await start();
  let n = 0;
  let isOver = false;
  const send = async (): Promise<void> => {
    while (!isOver) {
      n += 1;
      const number = n;
      try {
        await ask(agent, `http://127.0.0.1:${port}/pay?n=${number}`);
        acknowledged.add(number);
      } catch {
        // Not answered: nothing was promised.
        return;
      }
    }
  };
  const senders = Array.from({ length: CONCURRENCY }, send);
  await sleep(afterMs);
  await endProcess(first, 'SIGKILL');
  isOver = true;
  await Promise.all(senders);
  // Whoever left something behind gets the chance to bring it.
  const second = await start();
  const isAllThere = async (): Promise<true | undefined> => {
    const counts = await countNumbers(folder);
    return [...acknowledged].every((number) => counts.has(number)) ? true : undefined;
  };
  await waitFor('the rest', isAllThere, CHANCE_MS).catch(() => undefined);
  await endProcess(second, 'SIGTERM');
  agent.destroy();
  return acknowledged;
}

function ask(agent: Agent, url: string): Promise<true> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(true));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** How often each number stands in the files that the logger wrote for others to read. */
async function countNumbers(folder: string): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'output') continue;
    for (const line of (await readFile(join(folder, entry.name), 'utf8')).split('\n')) {
      const n = numberIn(line);
      if (n !== undefined) counts.set(n, (counts.get(n) ?? 0) + 1);
    }
  }
  return counts;
}

/** A line that was cut in its middle is none. */
function numberIn(line: string): number | undefined {
  try {
    const { n }: { readonly n?: unknown } = JSON.parse(line);
    return typeof n === 'number' ? n : undefined;
  } catch {
    return undefined;
  }
}

async function describeResults(of: readonly Result[]): Promise<string> {
  const versions = await Promise.all(
    ['pino', 'winston', 'evlog'].map(async (name) => {
      const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
      const { version }: { readonly version: string } = JSON.parse(text);
      return `${name} ${version}`;
    }),
  );
  const rows = of.map(({ name, acknowledged, missing, costly, twice }) => {
    const share = acknowledged === 0 ? 0 : (missing / acknowledged) * 100;
    return `| ${name} | ${acknowledged} | ${missing} (${share.toFixed(2)} %) | ${costly} of ${kills} | ${twice} |`;
  });
  return `| | answered requests | of them missing in the file | kills that cost something | twice in the file |
| --- | ---: | ---: | ---: | ---: |
${rows.join('\n')}

${new Date().toISOString().slice(0, 10)}, ${versions.join(', ')}, Node ${process.version.slice(1)}; ${kills} kills each, seed ${values.seed}.
`;
}
