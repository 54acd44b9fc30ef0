import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runChild } from '../../tests/spool/run-child.ts';
import { mountSmallDisk } from '../../tests/spool/small-disk.ts';
import { type DropReason, openSpool, openSpoolReader, type Spool, type SpoolReader, segmentPath } from './index.ts';

let root: string;
const spools: Spool[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-disk-'));
});
afterEach(() => {
  for (const spool of spools.splice(0)) spool.close();
  rmSync(root, { recursive: true, force: true });
});

const line = (n: number, size = 80) => JSON.stringify({ n, pad: 'x'.repeat(size) });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

interface Watched {
  readonly spool: Spool;
  readonly codes: string[];
  readonly drops: [number, DropReason][];
}

function openWatched(directory: string, options: { memoryBytes?: number; segmentBytes?: number } = {}): Watched {
  const codes: string[] = [];
  const drops: [number, DropReason][] = [];
  const spool = openSpool({
    directory,
    ...options,
    onNotice: (notice) => codes.push(notice.code),
    onDrop: (sequence, reason) => drops.push([sequence, reason]),
  });
  spools.push(spool);
  return { spool, codes, drops };
}

async function readNumbers(reader: SpoolReader): Promise<number[]> {
  const numbers: number[] = [];
  for (;;) {
    const batch = await reader.read({ maxLines: 1000, maxBytes: 1024 * 1024 });
    if (batch === undefined) return numbers;
    expect(batch.unreadable).toEqual([]);
    numbers.push(...batch.lines.map((bytes) => JSON.parse(bytes.toString()).n));
    await reader.commit(batch.to);
  }
}

const probeFolder = mkdtempSync(join(tmpdir(), 'tailrace-mount-'));
const probe = mountSmallDisk(join(probeFolder, 'probe'), '64k');
probe?.unmount();
rmSync(probeFolder, { recursive: true, force: true });
const canMount = probe !== undefined;
if (!canMount) console.warn('skipped: tests with a full and a read-only disk need the right to mount (run as root)');

describe('a spool whose folder cannot be made', () => {
  it('holds lines in memory, and writes them in order once it can be', async () => {
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, 'a file where the folder should be');
    const { spool, codes, drops } = openWatched(join(blocked, 'p'));
    for (const n of range(1, 20)) spool.append(line(n), n, n % 5 === 0);
    spool.flush();
    expect(spool.stats()).toMatchObject({ stage: 'memory', waitingLines: 20, bytes: 0 });
    await expect(spool.sync()).rejects.toThrow(/20 lines are not on disk/);
    expect(spool.tryAppend(Buffer.from('{"n":0}\n'), 1)).toBe(false);
    rmSync(blocked);
    spool.append(line(21), 21, false);
    await spool.sync();
    expect(spool.stats()).toMatchObject({ stage: 'disk', waitingLines: 0 });
    expect(codes).toEqual(['spool_unwritable', 'spool_writable']);
    expect(drops).toEqual([]);
    const reader = await openSpoolReader({ directory: join(blocked, 'p'), cursor: 'a' });
    expect(await readNumbers(reader)).toEqual(range(1, 21));
    await reader.close();
  });

  it('takes the way back by itself, with nothing appended', async () => {
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, '');
    const { spool, codes } = openWatched(join(blocked, 'p'));
    spool.append(line(1), 1, true);
    rmSync(blocked);
    await expect.poll(() => codes, { timeout: 10_000 }).toEqual(['spool_unwritable', 'spool_writable']);
    expect(readFileSync(segmentPath(join(blocked, 'p'), 1), 'utf8')).toBe(`${line(1)}\n`);
  });

  it('lets normal lines make room for urgent ones in memory, tells each loss, and sums up on stderr in one line', async () => {
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, '');
    const child = runChild('append-to-no-disk.ts', [join(blocked, 'p')]);
    await child.ended;
    const { dropped, codes, stage } = JSON.parse(child.stdout());
    // 100 normal lines, then 60 urgent ones, of 1000 bytes each, in 100,000 bytes: 100 fit.
    expect(dropped).toEqual(range(1, 60));
    expect(codes).toEqual(['spool_unwritable', 'spool_memory_full']);
    expect(stage).toBe('stderr');
    // One at the first loss, one with the rest at the end (what is in memory then is lost too).
    const summaries = child.stderr().trim().split('\n');
    expect(summaries).toHaveLength(2);
    expect(summaries.map((text) => Number(/: (\d+) lines lost/.exec(text)?.[1]))).toEqual([1, 159]);
  });
});

describe('a segment that somebody removes while it is written', () => {
  it('is noticed, and a new one is begun', async () => {
    const directory = join(root, 'p');
    const { spool, codes } = openWatched(directory);
    spool.append(line(1), 1, true);
    renameSync(directory, join(root, 'elsewhere'));
    rmSync(join(root, 'elsewhere'), { recursive: true });
    await expect.poll(() => codes, { timeout: 10_000 }).toEqual(['spool_segment_gone']);
    spool.append(line(2), 2, true);
    expect(existsSync(segmentPath(directory, 2))).toBe(true);
  });
});

describe.skipIf(!canMount)('a disk that is full', () => {
  it('costs nothing that fits into memory; no line is torn, and the way back is taken by itself', async () => {
    const disk = join(root, 'disk');
    const mounted = mountSmallDisk(disk, '256k');
    try {
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(180 * 1024));
      const directory = join(disk, 'p');
      const { spool, codes, drops } = openWatched(directory, { segmentBytes: 16 * 1024 });
      for (const n of range(1, 1500)) spool.append(line(n), n, n % 10 === 0);
      spool.flush();
      expect(spool.stats().stage).toBe('memory');
      expect(spool.tryAppend(Buffer.from(`${line(0)}\n`), 1)).toBe(false);
      const onDisk = readFileSync(segmentPath(directory, 1), 'utf8');
      expect(onDisk.endsWith('}\n')).toBe(true);
      rmSync(join(disk, 'ballast'));
      await expect.poll(() => codes, { timeout: 10_000 }).toEqual(['spool_unwritable', 'spool_writable']);
      expect(drops).toEqual([]);
      const reader = await openSpoolReader({ directory, cursor: 'a' });
      expect(await readNumbers(reader)).toEqual(range(1, 1500));
      await reader.close();
    } finally {
      mounted?.unmount();
    }
  });

  it('still lets a cursor move and free segments, so that the spool that fills the disk empties itself', async () => {
    const disk = join(root, 'disk');
    const mounted = mountSmallDisk(disk, '128k');
    try {
      const directory = join(disk, 'p');
      const { spool, codes } = openWatched(directory, { segmentBytes: 16 * 1024 });
      const notices: string[] = [];
      const reader = await openSpoolReader({
        directory,
        cursor: 'a',
        cursorIntervalMs: 0,
        onNotice: (notice) => notices.push(notice.code),
      });
      for (const n of range(1, 2000)) spool.append(line(n), n, false);
      spool.flush();
      expect(spool.stats().stage).toBe('memory');
      const numbers: number[] = [];
      await expect
        .poll(
          async () => {
            spool.flush();
            numbers.push(...(await readNumbers(reader)));
            return numbers.length;
          },
          { timeout: 10_000 },
        )
        .toBe(2000);
      expect(numbers).toEqual(range(1, 2000));
      expect(codes.at(-1)).toBe('spool_writable');
      expect(notices).toEqual([]);
      await reader.close();
    } finally {
      mounted?.unmount();
    }
  });
});

describe.skipIf(!canMount)('a disk that is read-only', () => {
  it('is survived from the start, and written once it is not', async () => {
    const disk = join(root, 'disk');
    const mounted = mountSmallDisk(disk, '1m');
    try {
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const directory = join(disk, 'p');
      const { spool, codes, drops } = openWatched(directory);
      const notices: string[] = [];
      const reader = await openSpoolReader({
        directory,
        cursor: 'a',
        cursorIntervalMs: 0,
        onNotice: (notice) => notices.push(notice.code),
      });
      for (const n of range(1, 100)) spool.append(line(n), n, n % 2 === 0);
      expect(await readNumbers(reader)).toEqual([]);
      expect(spool.stats().stage).toBe('memory');
      execFileSync('mount', ['-o', 'remount,rw', disk]);
      await expect.poll(() => codes, { timeout: 10_000 }).toEqual(['spool_unwritable', 'spool_writable']);
      expect(drops).toEqual([]);
      expect(await readNumbers(reader)).toEqual(range(1, 100));
      await reader.persist();
      expect(notices).toEqual(['cursor_unwritable', 'cursor_writable']);
      await reader.close();
    } finally {
      mounted?.unmount();
    }
  });
});
