import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SOURCE_ARGS } from '../../../../../tests/processes.ts';

const CHILD = fileURLToPath(new URL('../testing/crash-child.ts', import.meta.url));
const NOW = Date.parse('2026-11-21T09:32:00.000Z');

let directory: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-crash-'));
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

interface Message {
  readonly kind: 'opened' | 'committed';
  readonly committed: number;
  readonly count?: number;
  readonly distinct_event_id?: number;
  readonly max_n?: number | null;
  readonly retired?: number;
  readonly quarantined?: number;
}

/** From outside, some milliseconds after so many commits; or by itself, right after so many files took their place. */
type Death = { readonly commits: number; readonly delayMs: number } | { readonly renames: number };

async function runUntilDeath(death: Death, maxBytes: number): Promise<{ opened: Message | undefined; last: number }> {
  const isOwn = 'renames' in death;
  const args = [CHILD, directory, String(NOW), String(maxBytes), ...(isOwn ? [String(death.renames)] : [])];
  const running = spawn(process.execPath, [...SOURCE_ARGS, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = running;
  const exited = once(running, 'exit');
  let opened: Message | undefined;
  let last = 0;
  let confirmed = 0;
  for await (const line of createInterface({ input: running.stdout })) {
    const message: Message = JSON.parse(line);
    if (message.kind === 'opened') opened = message;
    last = message.committed;
    if (message.kind === 'committed') confirmed += 1;
    // The timer picks the moment within the next insert, commit or merge; no assertion depends on which it is.
    if (!isOwn && confirmed === death.commits) setTimeout(() => running.kill('SIGKILL'), death.delayMs);
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return { opened, last };
}

/** With TAILRACE_TEST_THOROUGH=1 there are more deaths of the same two kinds. */
function deaths(timed: number, renames: number): Death[] {
  const times = process.env.TAILRACE_TEST_THOROUGH === '1' ? 4 : 1;
  return [
    ...Array.from({ length: timed * times }, (_, i) => ({ commits: 1 + (i % 4), delayMs: (i * 7) % 40 })),
    ...Array.from({ length: renames * times }, (_, i) => ({ renames: 1 + ((i * 3) % 29) })),
  ];
}

interface Seen {
  readonly confirmed: number;
  readonly retired: number;
  readonly fewestFilesPerCommit: number;
}

/** Lets the writer die again and again in one folder, and checks what each finds that the one before left behind. */
async function dieAgainAndAgain(list: readonly Death[], maxBytes: number): Promise<Seen> {
  let confirmed = 0;
  let retired = 0;
  let fewestFilesPerCommit = Number.POSITIVE_INFINITY;
  for (const death of [...list, { commits: 1, delayMs: 0 }]) {
    const { opened, last } = await runUntilDeath(death, maxBytes);
    // It merges and retires from the start on, and so may die of its own hand before it has said anything.
    if (opened === undefined && 'renames' in death) continue;
    const seen = `found after ${confirmed} were confirmed, before ${JSON.stringify(death)}`;
    expect(opened?.committed, seen).toBeGreaterThanOrEqual(confirmed);
    expect(opened?.retired, seen).toBeGreaterThanOrEqual(retired);
    if (opened === undefined) break;
    retired = opened.retired ?? 0;
    expect(opened, seen).toMatchObject({
      count: opened.committed - retired,
      distinct_event_id: opened.committed - retired,
      max_n: opened.committed === 0 ? null : opened.committed,
      quarantined: 0,
    });
    confirmed = last;
    const segments = await readdir(join(directory, 'segments'), { recursive: true });
    const files = segments.filter((name) => name.endsWith('.parquet')).length;
    fewestFilesPerCommit = Math.min(fewestFilesPerCommit, files / (confirmed / 120));
  }
  return { confirmed, retired, fewestFilesPerCommit };
}

it('a store that is killed again and again has what its checkpoint says, each event once', async () => {
  const { confirmed, retired, fewestFilesPerCommit } = await dieAgainAndAgain(deaths(4, 10), 1e12);
  expect(confirmed).toBeGreaterThan(1_000);
  expect(retired).toBe(0);
  expect(fewestFilesPerCommit, 'the run saw merges').toBeLessThan(1);
}, 300_000);

it('a store that is killed while it retires events has what its checkpoint says, less what it retired', async () => {
  const { retired } = await dieAgainAndAgain(deaths(2, 8), 16_000);
  expect(retired, 'the run saw retirements').toBeGreaterThan(0);
}, 300_000);
