/** Ends that leave no time to do anything: what was logged before arrives all the same, from this process or the next. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';
import { eventsIn } from '../../tests/delivery/events-in.ts';
import { type RecordingServer, startRecordingServer } from '../../tests/delivery/recording-server.ts';

const source = fileURLToPath(new URL('../index.ts', import.meta.url));
const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let server: RecordingServer;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-hard-'));
  server = await startRecordingServer();
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  stdout(): string;
  stderr(): string;
}

/** Starts a program that has a `tailrace` and its `log`, and says what it does with them. */
function start(name: string, body: string, nodeOptions: readonly string[] = []): Program {
  const file = join(folder, `${name}.mts`);
  writeFileSync(
    file,
    `import { writeSync } from 'node:fs';
import { createTailrace, tailraceSink } from ${JSON.stringify(source)};
const tailrace = createTailrace({
  service: ${JSON.stringify(name)},
  dataDir: ${JSON.stringify(join(folder, 'data'))},
  onNotice: () => {},
  routes: [{ name: 'server', sinks: [tailraceSink({ url: ${JSON.stringify(server.url)} })], batchWaitMs: 10 }],
});
const { log } = tailrace;
${body}`,
  );
  const options = [...nodeOptions, ...SOURCE_ARGS];
  const child = spawn(process.execPath, [...options, file], { cwd: packageFolder, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return { child, ended: once(child, 'close'), stdout: () => stdout, stderr: () => stderr };
}

/** Starts the next process of this host, and waits until all of these lines have come and no spool but its own is left. */
async function expectNextDelivers(messages: readonly string[]): Promise<void> {
  const next = start('next', `log.info('next'); setInterval(() => {}, 1_000);`);
  const spools = join(folder, 'data', 'spool');
  await vi.waitFor(
    () => {
      const came = eventsIn(server.lines).map((event) => event.message);
      expect(came).toEqual(expect.arrayContaining([...messages, 'next']));
      expect(readdirSync(spools)).toHaveLength(1);
    },
    { timeout: 60_000, interval: 50 },
  );
  next.child.kill('SIGKILL');
  await next.ended;
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);

it('out of memory: the next process delivers what was logged before', async () => {
  server.behave = () => {};
  const program = start(
    'hoarder',
    `for (let i = 0; i < 50; i += 1) log.info('line ' + i);
     setTimeout(() => {
       log.error('the last word');
       const hoard: number[][] = [];
       for (;;) hoard.push(Array.from({ length: 10_000 }, Math.random));
     }, 20);`,
    ['--max-old-space-size=64'],
  );
  await program.ended;
  expect(program.stderr()).toContain('heap out of memory');
  expect(program.child.exitCode).not.toBe(0);
  expect(server.lines).toEqual([]);

  server.behave = (taken, response) => server.accept(taken, response);
  await expectNextDelivers([...lines(50), 'the last word']);
}, 120_000);

it('a container that is stopped with a second of grace while the server hangs: the next one delivers', async () => {
  server.behave = () => {};
  const program = start(
    'stopped',
    `for (let i = 0; i < 50; i += 1) log.info('line ' + i);
     void tailrace.run({ route: '/open' }, () => new Promise(() => {}));
     setInterval(() => {}, 1_000);
     setTimeout(() => writeSync(1, 'ready'), 20);`,
  );
  await vi.waitFor(() => expect(program.stdout()).toBe('ready'), { timeout: 60_000 });
  program.child.kill('SIGTERM');
  const kill = setTimeout(() => program.child.kill('SIGKILL'), 1_000);
  await program.ended;
  clearTimeout(kill);
  expect(server.lines).toEqual([]);

  server.behave = (taken, response) => server.accept(taken, response);
  await expectNextDelivers(lines(50));
  // What was under way is told as such, where there was time for it; on a busy machine a second may be too short.
  if (program.child.signalCode === 'SIGTERM') {
    expect(eventsIn(server.lines)).toContainEqual(expect.objectContaining({ 'error.code': 'PROCESS_ENDED' }));
  }
}, 120_000);

it('a container that is stopped while the application itself takes too long: nothing that was logged is lost', async () => {
  server.behave = () => {};
  const program = start(
    'stubborn',
    `log.info('before');
     process.on('SIGTERM', () => { log.info('draining'); writeSync(1, 'draining'); });
     setInterval(() => {}, 1_000);
     setTimeout(() => writeSync(1, 'ready '), 20);`,
  );
  await vi.waitFor(() => expect(program.stdout()).toBe('ready '), { timeout: 60_000 });
  program.child.kill('SIGTERM');
  await vi.waitFor(() => expect(program.stdout()).toBe('ready draining'), { timeout: 60_000 });
  setTimeout(() => program.child.kill('SIGKILL'), 1_000);
  await program.ended;
  expect(program.child.signalCode).toBe('SIGKILL');

  server.behave = (taken, response) => server.accept(taken, response);
  await expectNextDelivers(['before', 'draining']);
}, 120_000);
