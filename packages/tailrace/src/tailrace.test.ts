import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { commandOf, runCommand } from '../tests/spool/run-child.ts';
import { createTailrace, fileSink, memorySink } from './index.ts';

let root: string;
let belowFile: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-no-disk-'));
  writeFileSync(join(root, 'file'), '');
  belowFile = join(root, 'file', 'data');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a data folder that cannot be made', () => {
  it('is told in one notice, and events are delivered from memory', async () => {
    const notices: { code: string; message: string }[] = [];
    const sink = memorySink();
    const tailrace = createTailrace({
      dataDir: belowFile,
      sampling: { normalRate: 1 },
      routes: [{ name: 'out', sinks: [sink] }],
      onNotice: (notice) => notices.push(notice),
    });
    onTestFinished(() => tailrace.close(0));
    tailrace.run({ route: '/hello' }, () => {});
    expect(await tailrace.flush(10_000)).toBe(true);
    expect(sink.events).toMatchObject([{ route: '/hello' }]);
    expect(notices.map(({ code }) => code)).toEqual(['spool_in_memory']);
    for (const words of ['ENOTDIR', belowFile, 'lost', 'dataDir', "spool: 'memory'"]) {
      expect(notices[0]?.message).toContain(words);
    }
    await tailrace.close();
  });

  it('is no pressure: memory that is empty takes events at their usual rate', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const tailrace = createTailrace({
      dataDir: belowFile,
      sampling: { normalRate: 0.5 },
      routes: [{ name: 'out', sinks: [memorySink()] }],
      onNotice: () => {},
    });
    onTestFinished(() => tailrace.close(0));
    vi.advanceTimersByTime(5_000);
    expect((await tailrace.stats()).normalRate).toBe(0.5);
  });

  it('keeps to the bound that was set for lines in memory', async () => {
    const tailrace = createTailrace({
      dataDir: belowFile,
      spool: { memoryBytes: 10_000 },
      sampling: { normalRate: 1 },
      routes: [{ name: 'out', sinks: [memorySink()] }],
      onNotice: () => {},
    });
    onTestFinished(() => tailrace.close(0));
    for (let i = 0; i < 100; i += 1) tailrace.run({ route: '/bulk', note: 'n'.repeat(500) }, () => {});
    expect(tailrace.ledger().dropped.memory_full?.count).toBeGreaterThan(80);
  });

  // `/proc` answers ENOENT for ever, on which Node's own recursive `mkdir` never comes back.
  it.each(process.platform === 'linux' ? ['below a file', '/proc/nope'] : ['below a file'])(
    'neither holds a program up nor costs its events: %s',
    async (place) => {
      const dataDir = place === 'below a file' ? belowFile : place;
      const program = fileURLToPath(new URL('../tests/log-and-end.ts', import.meta.url));
      const child = runCommand(commandOf(program, [dataDir]));
      const timer = setTimeout(() => child.process.kill('SIGKILL'), 20_000);
      await child.ended;
      clearTimeout(timer);
      expect(child.process.exitCode).toBe(0);
      expect(child.stdout()).toContain('"route":"/hello"');
      expect(child.stderr().match(/TailraceWarning/g)).toHaveLength(1);
    },
    30_000,
  );
});

it('leaves nothing in a folder where everything was delivered', async () => {
  const sink = memorySink();
  const tailrace = createTailrace({ dataDir: root, routes: [{ name: 'out', sinks: [sink] }] });
  tailrace.log.info('delivered');
  expect(await tailrace.flush(10_000)).toBe(true);
  await tailrace.close();
  expect(readdirSync(join(root, 'spool'))).toEqual([]);
});

it('answers after its end, too, with nobody left to wait for', async () => {
  const tailrace = createTailrace({
    dataDir: root,
    routes: [{ name: 'out', sinks: [fileSink({ path: join(root, 'log') })] }],
  });
  tailrace.log.info('delivered');
  expect(await tailrace.flush(10_000)).toBe(true);
  await tailrace.close();
  // Well below what delivery is given to answer.
  const late = AbortSignal.timeout(4_000);
  expect((await tailrace.stats()).routes).toEqual([]);
  expect(await tailrace.flush(60_000)).toBe(false);
  expect(late.aborted).toBe(false);
});
