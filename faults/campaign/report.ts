/** What a campaign showed, for people and for programs. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../tests/processes.ts';
import type { CampaignReport } from './campaign.ts';

/** In a few lines, with what is wrong last. */
export function describeReport(report: CampaignReport): string {
  const { judgement, link, faults } = report;
  const troubled = Object.values(link.spoiled).reduce((sum, count) => sum + count, 0);
  return [
    `seed ${report.seed}, queue ${report.queue}, ${report.seconds} s and ${report.drainSeconds} s to drain`,
    `${report.kills} kills; ${report.producers} producers; ${link.passed} requests passed, ${troubled} spoiled, ${link.unreachable} met no server`,
    `${judgement.promised} events promised, ${judgement.stored} stored (${judgement.unnoted} of them not noted before a kill)`,
    `${report.ledgerDuplicates} sent again and stored once; dropped: ${JSON.stringify(judgement.dropped)}, ${judgement.droppedUnsaid} by processes killed before they could say why`,
    ...report.notExercised.map((what) => `not exercised: ${what}`),
    faults.length === 0
      ? 'none missing, none twice, none invented, no secret found, the ledger agrees'
      : `${faults.length} FAULTS:\n${faults.slice(0, 50).join('\n')}`,
  ].join('\n');
}

/** Writes it as JSON, and as a page beside it. @returns the page's path */
export async function writeReport(report: CampaignReport, folder: string): Promise<string> {
  const date = new Date().toISOString();
  const about = {
    date,
    commit: commit(),
    machine: {
      cores: cpus().length,
      model: cpus()[0]?.model ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${process.arch}`,
    },
    node: process.version,
  };
  await mkdir(folder, { recursive: true });
  const name = `${date.slice(0, 10)}-${report.queue}-${report.seed}`;
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify({ ...about, ...report }, undefined, 2)}\n`);
  const { judgement } = report;
  const page = `# ${Math.round(report.seconds / 60)} minutes of faults, queue: ${report.queue}

${date}, commit ${about.commit}, Node ${about.node.slice(1)}, ${about.machine.cores} cores (${about.machine.model}), ${about.machine.memoryGiB} GiB.
Again: \`npm run faults -- --minutes ${Math.round(report.seconds / 60)} --seed ${report.seed} --queue ${report.queue}\`

| | |
| --- | ---: |
| kills (\`kill -9\`) | ${report.kills} |
| producers | ${report.producers} |
| events promised | ${judgement.promised} |
| **promised and missing** | **${judgement.missing}** |
| **stored more than once** | **${judgement.twice}** |
| faults of any kind | ${report.faults.length} |
| stored | ${judgement.stored} |
| stored, and killed before the oracle noted it | ${judgement.unnoted} |
| sent again, and stored once | ${report.ledgerDuplicates} |
${Object.entries(judgement.dropped)
  .map(([reason, count]) => `| dropped and counted: ${reason} | ${count} |\n`)
  .join('')}| dropped by a process that was killed before it could say why | ${judgement.droppedUnsaid} |
| about a failing sink, passed over, by a process that was killed before it could say so | ${judgement.passedOverUnsaid} |
| seconds until everything had arrived | ${report.drainSeconds} |

## What happened

| | times |
| --- | ---: |
${table(report.happenings)}${table(Object.fromEntries(Object.entries(report.link.spoiled).map(([kind, count]) => [`requests that met: ${kind}`, count])))}| requests that met no server | ${report.link.unreachable} |
| requests after one that failed | ${report.link.retries} |

## What the library told of itself, in how many processes

| | |
| --- | ---: |
${table(report.notices)}
${[...report.notExercised.map((what) => `Not exercised: ${what}.`), ...report.faults.map((fault) => `- FAULT: ${fault}`)].join('\n')}
`;
  const path = join(folder, `${name}.md`);
  await writeFile(path, `${page.trimEnd()}\n`);
  return path;
}

function table(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `| ${name} | ${count} |\n`)
    .join('');
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return process.env.FAULTS_COMMIT ?? 'unknown';
  }
}
