import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

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
  readonly quarantined?: number;
}

/** From outside, some milliseconds after so many commits; or by itself, right after so many files took their place. */
type Death = { readonly commits: number; readonly delayMs: number } | { readonly renames: number };

async function runUntilDeath(death: Death): Promise<{ opened: Message; last: number }> {
  const isOwn = 'renames' in death;
  const args = [CHILD, directory, String(NOW), ...(isOwn ? [String(death.renames)] : [])];
  const running = spawn(process.execPath, ['--import', 'tsx', '--conditions=@tailrace/source', ...args], {
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
  if (opened === undefined) throw new Error('the writer died before it had opened the store');
  return { opened, last };
}

const deaths: readonly Death[] = [
  ...Array.from({ length: 10 }, (_, i) => ({ commits: 1 + (i % 4), delayMs: (i * 7) % 40 })),
  ...Array.from({ length: 14 }, (_, i) => ({ renames: i + 1 })),
];

it(`a store killed ${deaths.length} times has what its checkpoint says, each event once`, async () => {
  let confirmed = 0;
  let mergedOnce = false;
  for (const death of [...deaths, { commits: 1, delayMs: 0 }]) {
    const { opened, last } = await runUntilDeath(death);
    const seen = `found after ${confirmed} were confirmed, before ${JSON.stringify(death)}`;
    expect(opened.committed, seen).toBeGreaterThanOrEqual(confirmed);
    expect(opened, seen).toMatchObject({
      count: opened.committed,
      distinct_event_id: opened.committed,
      max_n: opened.committed === 0 ? null : opened.committed,
      quarantined: 0,
    });
    confirmed = last;
    const segments = await readdir(join(directory, 'segments'), { recursive: true });
    mergedOnce ||= segments.filter((name) => name.endsWith('.parquet')).length < confirmed / 120;
  }
  expect(confirmed).toBeGreaterThan(2_000);
  expect(mergedOnce, 'the run saw merges').toBe(true);
}, 300_000);
