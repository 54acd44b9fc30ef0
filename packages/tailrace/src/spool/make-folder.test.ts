import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runChild } from '../../tests/spool/run-child.ts';
import { makeFolder, makeFolderSync } from './make-folder.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-folder-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe.each([
  ['makeFolder', makeFolder],
  ['makeFolderSync', async (path: string, mode?: number) => makeFolderSync(path, mode)],
])('%s', (_name, make) => {
  it('makes the parents that are missing, each with the mode, and is content with a folder that is there', async () => {
    const path = join(root, 'a', 'b', 'c');
    await make(path, 0o700);
    await make(path, 0o700);
    for (const folder of [path, join(root, 'a')]) expect(statSync(folder).mode & 0o777).toBe(0o700);
    await make(relative(process.cwd(), join(root, 'd', 'e')));
    expect(existsSync(join(root, 'd', 'e'))).toBe(true);
    await make('/');
  });

  it('follows a link to a folder, and says what stands in the way else', async () => {
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    await make(join(root, 'link', 'x'));
    expect(existsSync(join(root, 'real', 'x'))).toBe(true);
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    await expect(make(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(make(join(root, 'file', 'x', 'y'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(make(join(root, 'dangling'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

it('tells which folder was the first that it made', async () => {
  expect(await makeFolder(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'));
  expect(await makeFolder(join(root, 'a', 'b', 'c'))).toBeUndefined();
  expect(await makeFolder(join(root, 'a', 'b', 'd'))).toBe(join(root, 'a', 'b', 'd'));
});

// In a process of its own: what never comes back can't be called off.
it.skipIf(process.platform !== 'linux')(
  'gives up where a parent is there and still answers ENOENT',
  async () => {
    const child = runChild('make-folder-in-proc.ts', ['/proc/nope/spool/p']);
    const timer = setTimeout(() => child.process.kill('SIGKILL'), 20_000);
    await child.ended;
    clearTimeout(timer);
    expect(child.stdout()).toBe('ENOENT ENOENT');
  },
  30_000,
);
