/** The demo as its own process, on free ports. */
import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEMO_ENTRY, endProcess, freePort, hasEnded, ROOT, readLog, runSource, waitFor } from './processes.ts';

export interface RunningDemo {
  readonly url: string;
  readonly process: ChildProcess;
  readonly directory: string;
  /** What it printed so far. */
  output(): string;
  /** Ctrl-C; resolves when it has ended, with its exit code. */
  interrupt(): Promise<number | null>;
  /** Ends it, and removes its folder. */
  end(): Promise<void>;
}

export interface DemoRun {
  readonly args?: readonly string[];
  readonly timeFactor?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Builds the screens, so that the server has something to show. */
export async function buildScreens(): Promise<void> {
  await promisify(execFile)('npm', ['run', 'build', '--silent', '-w', '@tailrace/web'], { cwd: ROOT });
}

export async function startDemo({ args = [], timeFactor = 0.1, env = {} }: DemoRun = {}): Promise<RunningDemo> {
  const directory = await mkdtemp(join(tmpdir(), 'tailrace-demo-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(directory, 'demo.log');
  const demo = runSource(DEMO_ENTRY, ['--no-browser', ...args], {
    logFile,
    env: {
      TAILRACE_PORT: String(port),
      TAILRACE_DATA_DIR: directory,
      PAYMENTS_PORT: String(await freePort()),
      PAYMENTS_TIME_FACTOR: String(timeFactor),
      ...env,
    },
  });
  const output = () => readLog(logFile);
  await waitFor(
    'the demo to say where its screen is',
    () => {
      if (hasEnded(demo)) throw new Error(`the demo ended at its start:\n${output()}`);
      return output().includes(url) ? true : undefined;
    },
    60_000,
    () => ['demo', 'server', 'shop'].map((name) => readLog(join(directory, `${name}.log`))).join('\n'),
  );
  return {
    url,
    process: demo,
    directory,
    output,
    async interrupt() {
      await endProcess(demo, 'SIGINT');
      return demo.exitCode;
    },
    async end() {
      await endProcess(demo, 'SIGTERM');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
