import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  formatPosition,
  openSpool,
  openSpoolReader,
  parsePosition,
  type Spool,
  type SpoolOptions,
  segmentPath,
} from './index.ts';

let root: string;
let directory: string;
const spools: Spool[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-durability-'));
  directory = join(root, 'p');
});
afterEach(() => {
  for (const spool of spools.splice(0)) spool.close();
  rmSync(root, { recursive: true, force: true });
});

function open(options: Partial<SpoolOptions> = {}): Spool {
  const spool = openSpool({ directory, ...options });
  spools.push(spool);
  return spool;
}

const contentOf = (segment: number) => readFileSync(segmentPath(directory, segment), 'utf8');
const limits = { maxLines: 100, maxBytes: 65_536 };

describe('the lines of one turn', () => {
  it('are written together at its end, and told to whoever subscribed, each once', async () => {
    const messages: unknown[] = [];
    const note = (message: unknown) => messages.push(message);
    subscribe('tailrace:spool:write', note);
    try {
      const spool = open();
      spool.append('{"n":1}', 1, false);
      spool.append('{"ledger":true}', 0, false);
      spool.append('{"n":2}', 2, false);
      await Promise.resolve();
      spool.append('{"n":3}', 3, false);
      expect(messages).toEqual([]);
      await expect.poll(() => messages).toEqual([{ directory, sequences: [1, 2, 3] }]);
      spool.append('{"n":4}', 4, true);
      expect(messages[1]).toEqual({ directory, sequences: [4] });
      expect(contentOf(1)).toBe('{"n":1}\n{"ledger":true}\n{"n":2}\n{"n":3}\n{"n":4}\n');
    } finally {
      unsubscribe('tailrace:spool:write', note);
    }
  });

  it('are written when they grow large, before the turn ends', () => {
    const spool = open();
    for (let n = 1; n <= 400; n += 1) spool.append(JSON.stringify({ n, pad: 'x'.repeat(1000) }), n, false);
    expect(contentOf(1).split('\n').length).toBeGreaterThan(200);
    expect(spool.stats().waitingBytes).toBeLessThan(200_000);
  });
});

describe.each(['off', 'always', 20] as const)('with fsync %j', (fsync) => {
  it('sync resolves with everything written, also across segments and for many callers at once', async () => {
    const spool = open({ fsync, segmentBytes: 100 });
    const syncs: Promise<void>[] = [];
    for (let n = 1; n <= 50; n += 1) {
      spool.append(JSON.stringify({ n }), n, n % 2 === 0);
      syncs.push(spool.sync());
    }
    await Promise.all(syncs);
    expect(spool.stats()).toMatchObject({ waitingLines: 0, stage: 'disk' });
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    let lines = 0;
    for (let batch = await reader.read(limits); batch !== undefined; batch = await reader.read(limits)) {
      lines += batch.lines.length;
    }
    expect(lines).toBe(50);
    await reader.close();
  });
});

describe('a body that a source must answer for', () => {
  it('is written whole behind the lines that wait, or refused at the bound without a trace', () => {
    const spool = open({ maxBytes: 200, reserveBytes: 0 });
    spool.append('{"n":1}', 1, false);
    expect(spool.tryAppend(Buffer.from('{"n":2}\n{"n":3}\n'), 2)).toBe(true);
    expect(contentOf(1)).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
    const before = spool.position();
    expect(spool.tryAppend(Buffer.from(`{"pad":"${'x'.repeat(300)}"}\n`), 1)).toBe(false);
    expect(spool.position()).toEqual(before);
    expect(spool.stats()).toMatchObject({ bytes: 24, waitingLines: 0, stage: 'disk' });
    spool.close();
    expect(spool.tryAppend(Buffer.from('{}\n'), 1)).toBe(false);
  });
});

describe('a spool that is opened again', () => {
  it('goes on in a new segment, above those and above the place that a store remembers', () => {
    open().append('{"n":1}', 1, true);
    open().append('{"n":2}', 2, true);
    open({ minSegment: 9 }).append('{"n":3}', 3, true);
    expect([contentOf(1), contentOf(2), contentOf(9)]).toEqual(['{"n":1}\n', '{"n":2}\n', '{"n":3}\n']);
  });

  it('never gives the number of a cursor again whose segment a power cut took', async () => {
    const spool = open();
    spool.append('{"n":1}', 1, true);
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    await reader.commit((await reader.read(limits))?.to ?? { segment: 1, offset: 0 });
    await reader.close();
    spool.close();
    rmSync(segmentPath(directory, 1));
    const next = open();
    next.append('{"n":2}', 2, true);
    const again = await openSpoolReader({ directory, cursor: 'a' });
    expect(String((await again.read(limits))?.lines)).toBe('{"n":2}');
    await again.close();
  });
});

describe('a sealed segment', () => {
  it('never changes again, and an empty one is not sealed', () => {
    const spool = open();
    spool.seal();
    expect(spool.position()).toEqual({ segment: 1, offset: 0 });
    spool.append('{"n":1}', 1, false);
    spool.seal();
    expect(spool.position()).toEqual({ segment: 2, offset: 0 });
    spool.append('{"n":2}', 2, true);
    expect([contentOf(1), contentOf(2)]).toEqual(['{"n":1}\n', '{"n":2}\n']);
  });
});

describe('a reader', () => {
  it('starts at a place that is kept elsewhere, and at the oldest line where that place is none', async () => {
    const spool = open();
    for (const n of [1, 2, 3]) spool.append(`{"n":${n}}`, n, true);
    const codes: string[] = [];
    const reader = await openSpoolReader({
      directory,
      cursor: 'writer',
      from: parsePosition('1:8') ?? { segment: 1, offset: 0 },
      onNotice: (notice) => codes.push(notice.code),
    });
    expect(String((await reader.read(limits))?.body)).toBe('{"n":2}\n{"n":3}\n');
    expect(formatPosition(await reader.seek({ segment: 1, offset: 16 }))).toBe('1:16');
    expect(String((await reader.read(limits))?.body)).toBe('{"n":3}\n');
    expect(codes).toEqual([]);
    expect(formatPosition(await reader.seek({ segment: 1, offset: 9 }))).toBe('1:0');
    expect(String((await reader.read(limits))?.body)).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
    expect(codes).toEqual(['cursor_invalid']);
    await reader.close();
  });

  it('can be rewound while it reads', async () => {
    const spool = open();
    for (const n of [1, 2, 3, 4]) spool.append(`{"n":${n}}`, n, true);
    const reader = await openSpoolReader({ directory, cursor: 'a' });
    await reader.read({ maxLines: 2, maxBytes: 1000 });
    const pending = reader.read({ maxLines: 2, maxBytes: 1000 });
    reader.rewind();
    await pending;
    reader.rewind();
    const all = await reader.read(limits);
    expect(all?.lines).toHaveLength(4);
    await reader.close();
  });

  it('moves the cursor only forward', async () => {
    const spool = open();
    for (const n of [1, 2]) spool.append(`{"n":${n}}`, n, true);
    const reader = await openSpoolReader({ directory, cursor: 'a', cursorIntervalMs: 0 });
    await reader.commit({ segment: 1, offset: 16 });
    await reader.commit({ segment: 1, offset: 8 });
    expect(reader.cursor()).toEqual({ segment: 1, offset: 16 });
    expect(await reader.backlogBytes()).toBe(0);
    await reader.close();
  });
});

describe('a place as text', () => {
  it('comes back as it was, and nothing else passes for one', () => {
    expect(parsePosition(formatPosition({ segment: 12, offset: 3456 }))).toEqual({ segment: 12, offset: 3456 });
    for (const text of ['', '1', '1:', ':1', '0:1', '-1:1', '1:1:1', '1:1 ', '1e3:1', '9999999999999:0']) {
      expect(parsePosition(text), text).toBeUndefined();
    }
  });
});
