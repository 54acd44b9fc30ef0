import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takePrint } from './file-print.ts';
import { identityOf } from './followed-file.ts';
import { FileMoved, printsThatFit, readGzip } from './gzip-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-gzip-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const first = Buffer.from('first line of a long file\n'.repeat(9_000));
const second = Buffer.from('another file\n'.repeat(9_000));
const printOf = (bytes: Buffer, at: number) =>
  takePrint(at, (offset, length) => bytes.subarray(offset, offset + length));

it('an archive fits the prints of what it holds, up to any place, and no other', async () => {
  const path = join(folder, 'app.log.1.gz');
  writeFileSync(path, gzipSync(first));
  const places = [1, 26, 1023, 1024, 1025, 65_536, 65_537, 130_001, first.length];
  const prints = places.map((at) => printOf(first, at));
  const others = places.filter((at) => at <= second.length).map((at) => printOf(second, at));
  const beyond = printOf(Buffer.concat([first, second]), first.length + 1);
  const fitting = await printsThatFit(path, identityOf(statSync(path, { bigint: true })), [
    ...others,
    beyond,
    ...prints,
  ]);
  expect(fitting).toEqual(prints);
});

it('a file that has got the name of another in the meantime is not read in its place', async () => {
  const path = join(folder, 'app.log.1.gz');
  writeFileSync(path, gzipSync(first));
  const identity = identityOf(statSync(path, { bigint: true }));
  renameSync(path, join(folder, 'app.log.2.gz'));
  writeFileSync(path, gzipSync(second));
  await expect(readGzip(path, identity).next()).rejects.toThrow(FileMoved);
  await expect(printsThatFit(path, identity, [printOf(second, 10)])).rejects.toThrow(FileMoved);
});
