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
const KILLS = 20;

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

/** Runs the writer until it has confirmed some commits and then a moment longer, and kills it. */
async function runAndKill(commits: number, delayMs: number): Promise<{ opened: Message; last: number }> {
  const running = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=@tailrace/source', CHILD, directory, String(NOW)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
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
    if (confirmed === commits) setTimeout(() => running.kill('SIGKILL'), delayMs);
  }
  await exited;
  if (opened === undefined) throw new Error('the writer died before it had opened the store');
  return { opened, last };
}

it(`a store killed ${KILLS} times has what its checkpoint says, each event once`, async () => {
  let confirmed = 0;
  let merged = false;
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const { opened, last } = await runAndKill(1 + (kill % 4), (kill * 7) % 40);
    expect(opened.committed).toBeGreaterThanOrEqual(confirmed);
    expect(opened).toMatchObject({
      count: opened.committed,
      distinct_event_id: opened.committed,
      max_n: opened.committed === 0 ? null : opened.committed,
      quarantined: 0,
    });
    confirmed = last;
    const segments = await readdir(join(directory, 'segments'), { recursive: true });
    merged ||= segments.filter((name) => name.endsWith('.parquet')).length < confirmed / 120;
  }
  expect(confirmed).toBeGreaterThan(KILLS * 120);
  expect(merged, 'the run saw merges').toBe(true);
}, 180_000);
