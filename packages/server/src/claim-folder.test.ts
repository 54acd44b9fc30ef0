import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { claimSpool } from 'tailrace/spool';
import { expect, test, vi } from 'vitest';
import { SOURCE_ARGS } from '../../../tests/processes.ts';
import { temporaryFolder } from '../tests/test-server.ts';
import { claimFolder } from './claim-folder.ts';
import { openDataFolder } from './compose/open-data-folder.ts';

const folder = (): string => join(temporaryFolder(), 'queue');

test('a lock whose owner can not be seen is waited for, and says so once', async () => {
  const directory = folder();
  const before = claimSpool(directory, { owner: 'the server of another container, with the same number' });
  if (before.kind !== 'claimed') throw new Error(before.kind);
  const log = vi.fn();
  const claiming = claimFolder(directory, { dataDir: '/data', owner: 'server', log });
  await vi.waitUntil(() => log.mock.calls.length > 0, { timeout: 20_000 });
  before.claim.release();
  const claim = await claiming;
  expect(claim.isHeld()).toBe(true);
  expect(log.mock.calls).toMatchObject([
    ['warn', expect.stringMatching(/^the data folder \/data was in use moments ago/)],
  ]);
  claim.release();
});

test('one that is still renewed when the waiting is over is an error', async () => {
  const directory = folder();
  const before = claimSpool(directory, { owner: 'another' });
  await expect(claimFolder(directory, { dataDir: '/data', owner: 'server', log: vi.fn(), waitMs: 0 })).rejects.toThrow(
    /in use by another server.*TAILRACE_DATA_DIR/,
  );
  if (before.kind === 'claimed') before.claim.release();
});

test('one of a process that lives here is an error at once', async () => {
  const directory = folder();
  const script = `const { claimSpool } = await import('tailrace/spool'); console.log(claimSpool(${JSON.stringify(directory)}).kind); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, [...SOURCE_ARGS, '--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    expect(String((await once(other.stdout, 'data'))[0])).toBe('claimed\n');
    const log = vi.fn();
    await expect(claimFolder(directory, { dataDir: '/data', owner: 'server', log })).rejects.toThrow(
      `process ${other.pid} on`,
    );
    expect(log).not.toHaveBeenCalled();
  } finally {
    other.kill('SIGKILL');
  }
});

test.each([
  ['a file', '/etc/hostname'],
  ['a place where nobody may write', '/proc/tailrace'],
])('%s as the data folder is refused by the name of its variable', async (_, dataDir) => {
  await expect(openDataFolder(dataDir, vi.fn())).rejects.toThrow(
    new RegExp(`^the data folder ${dataDir} can't be used .*set TAILRACE_DATA_DIR`),
  );
});
