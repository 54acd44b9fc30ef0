import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';
import { HANDLER_ERROR_TOPIC } from '../delivery/line-kinds.ts';
import { EVENT_SCHEMA } from '../event.ts';
import { LEDGER_SCHEMA, type LedgerLine } from '../ledger/index.ts';
import { FALLBACK_TOPIC } from '../metrics/fallback-alerts.ts';

const source = fileURLToPath(new URL('../index.ts', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-end-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the process left in its spool. */
  readonly events: readonly Record<string, unknown>[];
  readonly ledger: LedgerLine | undefined;
  /** The folders of spools that are left. */
  readonly left: readonly string[];
}

/** What Tailrace says of its own delivery. */
const OWN_TOPICS = new Set<unknown>([HANDLER_ERROR_TOPIC, FALLBACK_TOPIC]);

interface SpooledLine {
  readonly [key: string]: unknown;
}

let runs = 0;

/** Runs a program that has a `tailrace`; where it prints `ready`, it gets the signal. */
async function runProgram(
  body: string,
  options: { signal?: NodeJS.Signals; routes?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  runs += 1;
  const dataDir = join(folder, `run-${runs}`);
  const file = join(folder, `run-${runs}.mts`);
  // A route that nothing can be delivered to, so that what is on disk stays there to be looked at.
  const routes = options.routes ?? `[{ name: 'away', sinks: [tailraceSink({ url: 'http://127.0.0.1:9' })] }]`;
  writeFileSync(
    file,
    `import { createTailrace, tailraceSink, consoleSink } from ${JSON.stringify(source)};
const tailrace = createTailrace({ service: 'child', dataDir: ${JSON.stringify(dataDir)}, sampling: { normalRate: 1 }, onNotice: () => {}, routes: ${routes} });
const { log } = tailrace;
${body}`,
  );
  const child = spawn(process.execPath, [...SOURCE_ARGS, file], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (options.signal !== undefined && stdout.includes('ready\n')) {
      child.kill(options.signal);
      options = {};
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('close', (...end) => resolve(end));
  });
  const lines = readSpool(join(dataDir, 'spool'));
  return {
    code,
    signal,
    stdout,
    stderr,
    events: lines.filter(({ schema, topic }) => schema === EVENT_SCHEMA && !OWN_TOPICS.has(topic)),
    ledger: lines.filter(isLedger).at(-1),
    left: readdirSync(join(dataDir, 'spool')),
  };
}

function isLedger(line: SpooledLine): line is SpooledLine & LedgerLine {
  return 'schema' in line && line.schema === LEDGER_SCHEMA;
}

function readSpool(root: string): SpooledLine[] {
  return readdirSync(root).flatMap((producer) =>
    readdirSync(join(root, producer))
      .filter((name) => name.endsWith('.ndjson'))
      .sort()
      .flatMap((name) =>
        readFileSync(join(root, producer, name), 'utf8')
          .split('\n')
          .filter(Boolean),
      )
      .map((line): SpooledLine => JSON.parse(line)),
  );
}

const STAY = 'setInterval(() => {}, 1000);';

describe('a process that ends', () => {
  it('by itself, delivers what it logged, and ends with code 0', async () => {
    const { code, stdout, left } = await runProgram(`log.info('the last word');`, {
      routes: `[{ name: 'console', sinks: [consoleSink()] }]`,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('the last word');
    // Everything is delivered, so there is nothing for the next process to find.
    expect(left).toEqual([]);
  });

  it('by itself, is not held up by a destination that is away', async () => {
    const { code, events, ledger } = await runProgram(`log.info('kept for later');`);
    expect(code).toBe(0);
    expect(events).toMatchObject([{ message: 'kept for later' }]);
    expect(ledger).toMatchObject({ kept: { LOG_LINE: 1 }, closed: true });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('by %s, dies of it, with everything on disk', async (signal) => {
    const ended = await runProgram(
      `log.info('before');
       void tailrace.run({ route: '/open' }, () => new Promise(() => {}));
       ${STAY} process.stdout.write('ready\\n');`,
      { signal },
    );
    expect([ended.code, ended.signal]).toEqual([null, signal]);
    expect(ended.events).toMatchObject([
      { message: 'before' },
      { route: '/open', level: 'error', 'error.code': 'PROCESS_ENDED' },
    ]);
    expect(ended.ledger).toMatchObject({ kept: { LOG_LINE: 1 }, closed: true });
  });

  it('by a signal that the application handles, goes when and how the application says', async () => {
    const ended = await runProgram(
      `process.on('SIGTERM', () => { log.info('draining'); setTimeout(() => process.exit(3), 100); });
       ${STAY} process.stdout.write('ready\\n');`,
      { signal: 'SIGTERM' },
    );
    expect(ended.code).toBe(3);
    expect(ended.events).toMatchObject([{ message: 'draining' }]);
  });

  it('by process.exit, in the middle of a turn, loses nothing', async () => {
    const { code, events, ledger } = await runProgram(
      `for (let i = 0; i < 50; i += 1) log.info('line', { i }); process.exit(7);`,
    );
    expect(code).toBe(7);
    expect(events.map(({ i }) => i)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(ledger).toMatchObject({ emitted: 50, sequence: 50, closed: true });
  });

  it('by an uncaught exception, tells of it, and dies as without us', async () => {
    const { code, stderr, events } = await runProgram(
      `setTimeout(() => tailrace.run({ route: '/crash' }, () => { setTimeout(() => { throw new RangeError('nobody caught me'); }); return new Promise(() => {}); }), 10); ${STAY}`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('RangeError: nobody caught me');
    expect(events).toMatchObject([
      { level: 'fatal', topic: 'process', 'error.type': 'RangeError' },
      { route: '/crash', level: 'fatal', 'error.message': 'nobody caught me' },
    ]);
  });

  it('by an unhandled rejection, the same', async () => {
    const { code, stderr, events } = await runProgram(
      `setTimeout(() => void Promise.reject(new Error('nobody waited')), 10); ${STAY}`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('nobody waited');
    expect(events).toMatchObject([{ level: 'fatal', topic: 'process', 'error.message': 'nobody waited' }]);
  });

  it('by kill -9, has on disk what was logged in earlier turns, and errors at once', async () => {
    const { signal, events } = await runProgram(
      `log.info('earlier');
       setTimeout(() => { log.error('at once'); process.kill(process.pid, 'SIGKILL'); }, 50); ${STAY}`,
    );
    expect(signal).toBe('SIGKILL');
    expect(events).toMatchObject([{ message: 'earlier' }, { message: 'at once' }]);
  });

  it('after an uncaught exception that the application survives, goes on', async () => {
    const { code, events } = await runProgram(
      `process.on('uncaughtException', () => { log.info('still here'); process.exitCode = 5; });
       setTimeout(() => { throw new Error('survived'); }, 10);`,
    );
    expect(code).toBe(5);
    expect(events.map(({ message }) => message)).toEqual(['uncaught exception', 'still here']);
  });

  it('leaves no listener behind a Tailrace that was closed', async () => {
    const { code, stdout } = await runProgram(
      `const names = ['SIGTERM', 'SIGINT', 'beforeExit', 'exit', 'uncaughtExceptionMonitor'];
       const count = () => names.map((name) => process.listenerCount(name)).join();
       const open = count();
       await tailrace.close(100);
       console.log('open ' + open + ' closed ' + count());`,
    );
    expect(code).toBe(0);
    const [, open, closed] = /open (\S+) closed (\S+)/.exec(stdout) ?? [];
    const listeners = (text = ''): number[] => text.split(',').map(Number);
    expect(listeners(open).map((count, i) => count - (listeners(closed)[i] ?? 0))).toEqual([1, 1, 1, 1, 1]);
  });
});
