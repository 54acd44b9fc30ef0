import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DropReason,
  openSpool,
  openSpoolReader,
  type Position,
  registerCursors,
  retireCursor,
  type SpoolReader,
  segmentPath,
  type UnreadableLine,
} from './index.ts';

let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-spool-'));
  directory = join(root, 'producer');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const limits = { maxLines: 100, maxBytes: 64 * 1024 };
const line = (sequence: number, size = 0) => JSON.stringify({ n: sequence, pad: 'x'.repeat(size) });

async function readAll(
  reader: SpoolReader,
): Promise<{ numbers: number[]; unreadable: UnreadableLine[]; to: Position }> {
  const numbers: number[] = [];
  const unreadable: UnreadableLine[] = [];
  let to = reader.cursor();
  for (let batch = await reader.read(limits); batch !== undefined; batch = await reader.read(limits)) {
    numbers.push(...batch.lines.map((bytes) => JSON.parse(bytes.toString()).n));
    unreadable.push(...batch.unreadable);
    expect(batch.body.toString()).toBe(batch.lines.map((bytes) => `${bytes}\n`).join(''));
    to = batch.to;
  }
  return { numbers, unreadable, to };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('a line that is appended', () => {
  it('is read back in order, across segments, while the writer goes on', async () => {
    const spool = openSpool({ directory, segmentBytes: 500 });
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    const numbers: number[] = [];
    for (let n = 1; n <= 100; n += 1) {
      spool.append(line(n), n, false);
      if (n % 7 === 0) spool.flush();
      if (n % 10 === 0) numbers.push(...(await readAll(reader)).numbers);
    }
    spool.flush();
    numbers.push(...(await readAll(reader)).numbers);
    expect(numbers).toEqual(range(1, 100));
    expect(spool.stats().segments).toBeGreaterThan(3);
    spool.close();
    await reader.close();
  });

  it('is on disk when append returns, with those that wait before it, when it is urgent', () => {
    const spool = openSpool({ directory });
    spool.append(line(1), 1, false);
    expect(readFileSync(segmentPath(directory, 1), 'utf8')).toBe('');
    spool.append(line(2), 2, true);
    expect(readFileSync(segmentPath(directory, 1), 'utf8')).toBe(`${line(1)}\n${line(2)}\n`);
    spool.close();
  });

  it('is refused when it is over 1 MiB or comes after the end, and that is told', () => {
    const drops: [number, DropReason][] = [];
    const spool = openSpool({ directory, onDrop: (sequence, reason) => drops.push([sequence, reason]) });
    spool.append(line(1, 1024 * 1024), 1, true);
    spool.append(line(2, 1024 * 1024 - 100), 2, true);
    spool.close();
    spool.append(line(3), 3, true);
    expect(drops).toEqual([
      [1, 'line_too_large'],
      [3, 'spool_closed'],
    ]);
  });
});

describe('a cursor', () => {
  it('is where a new reader goes on, and what was not committed comes again', async () => {
    const spool = openSpool({ directory });
    for (const n of range(1, 10)) spool.append(line(n), n, false);
    spool.flush();
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    const first = await reader.read({ maxLines: 4, maxBytes: 1000 });
    if (first === undefined) throw new Error('nothing read');
    await reader.commit(first.to);
    await reader.read({ maxLines: 3, maxBytes: 1000 });
    reader.rewind();
    expect((await readAll(reader)).numbers).toEqual(range(5, 10));
    await reader.close();
    const next = await openSpoolReader({ directory, cursor: 'a' });
    expect((await readAll(next)).numbers).toEqual(range(5, 10));
    await next.close();
    spool.close();
  });

  it('holds segments until every registered route has passed them, also one that was never opened', async () => {
    const spool = openSpool({ directory, segmentBytes: 100 });
    await registerCursors(directory, ['a', 'late']);
    for (const n of range(1, 30)) spool.append(line(n), n, true);
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    await reader.commit((await readAll(reader)).to);
    await reader.persist();
    expect(existsSync(segmentPath(directory, 1))).toBe(true);
    await retireCursor(directory, 'late');
    expect(existsSync(segmentPath(directory, 1))).toBe(false);
    expect(readdirSync(directory).filter((name) => name.endsWith('.ndjson'))).toHaveLength(1);
    await reader.close();
    spool.close();
  });
});

describe('what is broken on disk', () => {
  it('goes to unreadable with place and reason, and the rest is still read', async () => {
    const spool = openSpool({ directory });
    spool.append(line(1), 1, true);
    spool.close();
    appendFileSync(segmentPath(directory, 1), `garbage\n\n{"n":\0\0}\n${line(2)}\n{"x":"${'y'.repeat(2_000_000)}"}\n`);
    appendFileSync(segmentPath(directory, 1), `${line(3)}\n{"n":4,"to`);
    const reader = await openSpoolReader({ directory, cursor: 'a', isEnded: true });
    const { numbers, unreadable, to } = await readAll(reader);
    expect(numbers).toEqual([1, 2, 3]);
    expect(unreadable.map((piece) => piece.reason)).toEqual(['not_json', 'nul_bytes', 'line_too_large', 'torn']);
    expect(unreadable.at(-1)?.bytes.toString()).toBe('{"n":4,"to');
    await reader.commit(to);
    expect(await reader.backlogBytes()).toBe(0);
    await reader.close();
  });

  it.each(['', 'garbage', '{"segment":9,"offset":0}', '{"segment":1,"offset":5}', '{"segment":-1,"offset":0}'])(
    'a cursor file that says %j starts at the oldest line, and says so',
    async (text) => {
      const spool = openSpool({ directory });
      for (const n of range(1, 5)) spool.append(line(n), n, true);
      await registerCursors(directory, ['a']);
      writeFileSync(join(directory, 'cursors', 'a.json'), text);
      const codes: string[] = [];
      const reader = await openSpoolReader({ directory, cursor: 'a', onNotice: (notice) => codes.push(notice.code) });
      expect((await readAll(reader)).numbers).toEqual(range(1, 5));
      expect(codes).toEqual(['cursor_invalid']);
      await reader.close();
      spool.close();
    },
  );
});

describe('a spool at its bound', () => {
  it('drops normal lines first, keeps a reserve for urgent ones, and takes lines again when segments are freed', async () => {
    const drops: number[] = [];
    const codes: string[] = [];
    const spool = openSpool({
      directory,
      maxBytes: 10_000,
      reserveBytes: 2_000,
      segmentBytes: 1_000,
      onDrop: (sequence) => drops.push(sequence),
      onNotice: (notice) => codes.push(notice.code),
    });
    for (const n of range(1, 100)) spool.append(line(n, 80), n, false);
    spool.flush();
    const firstDrop = drops[0] ?? 0;
    expect(drops).toEqual(range(firstDrop, 100));
    spool.append(line(101, 80), 101, true);
    expect(drops).toEqual(range(firstDrop, 100));
    for (const n of range(102, 200)) spool.append(line(n, 80), n, true);
    expect(spool.stats().bytes).toBeLessThanOrEqual(10_000);
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    const { numbers, to } = await readAll(reader);
    expect([...numbers, ...drops].sort((a, b) => a - b)).toEqual(range(1, 200));
    await reader.commit(to);
    await reader.persist();
    await expect
      .poll(() => {
        const before = drops.length;
        spool.append(line(201), 201, false);
        return drops.length === before;
      })
      .toBe(true);
    expect(codes).toEqual(['spool_full', 'spool_free']);
    await reader.close();
    spool.close();
  });
});
