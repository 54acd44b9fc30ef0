import { describe, expect, it } from 'vitest';
import { openMemorySpool } from './index.ts';

const limits = { maxLines: 100, maxBytes: 65_536 };

describe('a spool in memory', () => {
  it('gives each reader every line in order, and reads again what was not committed', async () => {
    const { spool, openReader } = openMemorySpool();
    const a = openReader('a');
    const b = openReader('b');
    for (const n of [1, 2, 3]) spool.append(`{"n":${n}}`, n, false);
    expect(spool.tryAppend(Buffer.from('{"n":4}\n{"n":5}\n'), 2)).toBe(true);
    const first = await a.read({ maxLines: 4, maxBytes: 1000 });
    expect(String(first?.body)).toBe('{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n');
    await a.commit(first?.to ?? a.cursor());
    expect(String((await a.read(limits))?.body)).toBe('{"n":5}\n');
    a.rewind();
    expect(String((await a.read(limits))?.body)).toBe('{"n":5}\n');
    expect(await a.read(limits)).toBeUndefined();
    expect((await b.read(limits))?.lines).toHaveLength(5);
    expect(spool.stats()).toMatchObject({ waitingLines: 5, stage: 'memory' });
  });

  it('is bounded, keeps a reserve for urgent lines, and frees what every reader has committed', async () => {
    const drops: number[] = [];
    const codes: string[] = [];
    const { spool, openReader } = openMemorySpool({
      maxBytes: 100,
      reserveBytes: 20,
      onDrop: (sequence) => drops.push(sequence),
      onNotice: (notice) => codes.push(notice.code),
    });
    const a = openReader('a');
    const b = openReader('b');
    for (let n = 1; n <= 11; n += 1) spool.append('{"n":100}', n, false);
    expect(drops).toEqual([9, 10, 11]);
    spool.append('{"n":100}', 12, true);
    expect(drops).toEqual([9, 10, 11]);
    const end = (await a.read(limits))?.to ?? a.cursor();
    await a.commit(end);
    expect(spool.stats().waitingBytes).toBe(90);
    await b.commit(end);
    expect(spool.stats()).toMatchObject({ waitingBytes: 0, waitingLines: 0 });
    spool.append('{"n":100}', 13, false);
    expect(drops).toEqual([9, 10, 11]);
    expect(codes).toEqual(['spool_full', 'spool_free']);
    expect(await b.backlogBytes()).toBe(10);
  });

  it('takes no more once it is closed, and still gives what it has', async () => {
    const drops: unknown[] = [];
    const { spool, openReader } = openMemorySpool({ onDrop: (...drop) => drops.push(drop) });
    const reader = openReader('a');
    spool.append('{"n":1}', 1, true);
    spool.close();
    spool.append('{"n":2}', 2, true);
    expect(drops).toEqual([[2, 'spool_closed']]);
    expect((await reader.read(limits))?.lines).toHaveLength(1);
  });
});
