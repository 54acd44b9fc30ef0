/** The README's problem, from start to end: its commands, in their order, against a demo that runs. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningDemo, startDemo } from './demo.ts';
import { type CommandResult, createShell, type Shell } from './documented-commands.ts';
import { readPage } from './documented-server.ts';
import { readLog, waitFor } from './processes.ts';
import { createServerClient } from './server-client.ts';

const HEADING = '## A problem, from start to end';

let directory: string;
let demo: RunningDemo;
let shell: Shell;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-readme-'));
  demo = await startDemo({ args: ['--seed', '5'] });
  // The reader's demo keeps its data in `.demo` of the folder in which the commands are given.
  await symlink(demo.directory, join(directory, '.demo'));
  shell = await createShell({ directory, url: demo.url });
}, 240_000);

afterAll(async () => {
  await demo?.end();
  await rm(directory, { recursive: true, force: true });
});

it('finds what fails, for whom, and that a killed server costs nothing', async () => {
  const [failures, oneEvent, kill, ledger, ...more] = await commandsOf('README.md', HEADING);
  expect(more).toEqual([]);
  const client = createServerClient(demo.url);
  await waitFor('a payment that timed out, and one that went well', async () => {
    const [timeouts, normal] = await Promise.all(
      ['error.code:GATEWAY_TIMEOUT', 'route:/payments sampling.rate:<1'].map((q) => client.search(q, '-15m', 'now')),
    );
    return (timeouts?.length ?? 0) > 0 && (normal?.length ?? 0) > 0 ? true : undefined;
  });

  const table = (await succeeds(failures)).stdout;
  expect(table).toMatch(/^error\.code +count +p95_duration_ms$/m);
  expect(table).toMatch(/^GATEWAY_TIMEOUT +[\d,]+ +[\d,.]+$/m);
  expect(table, 'requests that went well are estimated').toMatch(/^ +[\d,]+ (?:±[\d,]+|\([\d,]+ – [\d,]+\)) /m);
  expect(table).toContain('estimated, with 95 % intervals');

  const { rows } = JSON.parse((await succeeds(oneEvent)).stdout) as { rows: Record<string, unknown>[] };
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    'error.code': 'GATEWAY_TIMEOUT',
    'sampling.rule': 'HAS_ERROR',
    'sampling.rate': 1,
    'user.id': expect.any(String),
    steps: expect.arrayContaining([expect.objectContaining({ outcome: 'error', code: 'GATEWAY_TIMEOUT' })]),
  });

  const before = (await client.ledger()).totals.stored;
  await succeeds(kill);
  await waitFor(
    'the server to be back',
    () => (demo.output().includes('The server is back') ? true : undefined),
    60_000,
  );
  await waitFor(
    'what the shop kept meanwhile',
    async () => ((await client.ledger()).totals.stored > before ? true : undefined),
    60_000,
    () => readLog(join(demo.directory, 'server.log')),
  );

  const account = (await succeeds(ledger)).stdout;
  expect(account.split('\n')[0]).toMatch(/^producer .* stored .* missing /);
  expect(account).toMatch(/^all /m);
}, 240_000);

async function succeeds(command: string | undefined): Promise<CommandResult> {
  const result = await shell.run(command ?? 'false');
  expect(result.exitCode, `${command}\n${result.stdout}${result.stderr}\n${demo.output()}`).toBe(0);
  return result;
}

/** The shell blocks of one section. */
async function commandsOf(name: string, heading: string): Promise<readonly string[]> {
  const { text, blocks } = await readPage(name);
  const start = text.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`${name} has no section "${heading}"`);
  const end = text.indexOf('\n## ', start + 1);
  const section = text.slice(start, end === -1 ? undefined : end);
  return blocks.filter((block) => block.info === 'sh' && section.includes(block.text)).map((block) => block.text);
}
